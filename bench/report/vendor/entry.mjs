// The marks of Observable Plot that the report draws with (bench/report/templates/plots.js).
export {
  plot, dot, line, link, rect, ruleX, ruleY, barX, text, axisX, axisY, gridX, gridY, tip, pointer, pointerY,
} from "@observablehq/plot";
