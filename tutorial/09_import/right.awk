# Lines of ten scores and a label: how often is the greatest score that of the label?
BEGIN { FS = "," }
{
  best = 1
  for (i = 2; i <= 10; ++i) if ($i > $best) best = i
  right += best - 1 == $11
}
END { print right " of " NR " right" }
