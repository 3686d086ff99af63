# A thousand sequences: 16 moments, the switch pressed (1) or not (0), then 16 times whether the light is on after it.
# The chance is a congruence, as every awk computes it: x -> 75 x + 74 modulo 65537.
BEGIN {
  x = 1
  for (n = 0; n < 1000; ++n) {
    x = (75 * x + 74) % 65537
    bits = x; on = 0; presses = ""; lights = ""
    for (i = 0; i < 16; ++i) {
      press = bits % 2; bits = int(bits / 2)
      on = (on + press) % 2
      presses = presses press ","
      lights = lights (i ? "," : "") on
    }
    print presses lights
  }
}
