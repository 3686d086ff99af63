# Draws columns x,y of CSV files into one picture; each file as the style set before it: dots, crosses, squares, line, none.
#
#   awk -f plot.awk style=dots points.csv style=line curve.csv > picture.svg
BEGIN { FS = ","; left = bottom = 1e30; right = top = -1e30 }
$1 + 0 == $1 {
  n++
  x[n] = $1; y[n] = $2; kind[n] = style; first[n] = (FNR <= 2 && kind[n - 1] != style)
  if ($1 < left) left = $1
  if ($1 > right) right = $1
  if ($2 < bottom) bottom = $2
  if ($2 > top) top = $2
}
function across(value) { return 40 + 340 * (value - left) / (right - left) }
function down(value) { return 230 - 210 * (value - bottom) / (top - bottom) }
function label(x, y, anchor, value) {
  printf "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%.2g</text>\n", x, y, anchor, value
}
END {
  print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 260\" width=\"400\" height=\"260\"" \
        " font-family=\"sans-serif\" font-size=\"11\" fill=\"#768390\">"
  print "<path d=\"M34 12V238H388\" fill=\"none\" stroke=\"#768390\"/>"
  label(40, 253, "middle", left); label(380, 253, "middle", right)
  label(30, 234, "end", bottom); label(30, 24, "end", top)
  for (i = 1; i <= n; i++) {
    place = sprintf("%.1f %.1f", across(x[i]), down(y[i]))
    if (kind[i] == "dots") { d["dots"] = d["dots"] "M" place "h0" }
    if (kind[i] == "squares") { d["squares"] = d["squares"] "M" place "m-4.5 0h9" }
    if (kind[i] == "crosses") { d["crosses"] = d["crosses"] "M" place "m-5 -5l10 10m0 -10l-10 10" }
    if (kind[i] == "line") { d["line"] = d["line"] (first[i] ? "M" : "L") place }
  }
  shape = "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" stroke-linecap=\"%s\" stroke-opacity=\"%s\"/>\n"
  printf shape, d["squares"], "#3b82f6", 6, "butt", 0.3
  printf shape, d["line"], "#3b82f6", 2, "round", 1
  printf shape, d["crosses"], "#e5534b", 2, "round", 1
  printf shape, d["dots"], "#e5534b", 8, "round", 1
  print "</svg>"
}
