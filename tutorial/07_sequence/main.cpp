// The light on a device: presses of the switch go in one by one (0 or 1), out comes whether the light is on.
#include <cstdio>

#include "light.hpp"

int main() {
  static light::Arena arena;
  light::State state;
  light::reset(state);
  for (int press; std::scanf("%d", &press) == 1;) {
    const float presses[1] = {static_cast<float>(press)};
    float score[1];
    light::forward(state, presses, score, arena);
    std::printf("%d %s\n", press, score[0] > 0 ? "on" : "off");
  }
}
