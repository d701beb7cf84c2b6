"""What a person cannot read or hit on a page, found by scripts that run in the browser."""

PALE = """(() => {
  const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, low) =>
    [0, 1, 2].map(at => top[at] * top[3] + low[at] * (1 - top[3])).concat(1);
  const light = colour => {
    const [red, green, blue] = colour.slice(0, 3).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const found = new Set();
  for (const one of document.querySelectorAll('body *')) {
    const words = [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    const box = one.getBoundingClientRect();
    if (!words || box.width < 2 || box.height < 2 || one.closest('svg')) continue;
    const line = [];
    for (let around = one; around; around = around.parentElement)
      line.push(getComputedStyle(around));
    const ground = line.reduceRight((low, style) => over(rgba(style.backgroundColor), low),
      [255, 255, 255, 1]);
    const ink = rgba(line[0].color);
    ink[3] *= line.reduce((all, style) => all * style.opacity, 1);
    if (!ink[3]) continue;
    const [less, more] = [light(over(ink, ground)), light(ground)].sort((a, b) => a - b);
    const contrast = (more + 0.05) / (less + 0.05);
    if (contrast < 4.5)
      found.add(`${contrast.toFixed(2)} .${one.className} in .${one.parentElement.className}`);
  }
  return [...found];
})()"""
"""Texts whose contrast with their ground is below 4.5 to 1, which WCAG 2.2 asks for (1.4.3)."""

SMALL = """[...document.querySelectorAll('a, button, select, summary, input:not([type=hidden])')]
    .filter(one => !one.closest('p, .heading, .sr, .skip'))
    .map(one => [one, one.getBoundingClientRect()])
    .filter(([one, box]) => box.width > 1 && box.height > 0 && Math.min(box.width, box.height) < 24)
    .map(([one, box]) => `${one.textContent} ${box.width.toFixed()}x${box.height.toFixed()}`)"""
"""What is to be tapped and is less than 24 pixels high or wide (WCAG 2.2, 2.5.8); a link within a
sentence may be."""

COVERED = """(() => {
  const state = document.querySelector('#link-state').getBoundingClientRect();
  const text = document.createRange();
  text.selectNodeContents(document.querySelector('.heading'));
  return [...text.getClientRects()].some(box => box.right > state.left && box.left < state.right
    && box.bottom > state.top && box.top < state.bottom);
})()"""
"""Does the state of the link lie over the heading?"""

ZOOMING = """[...document.querySelectorAll('input:not([type=hidden]), textarea, select')]
    .filter(one => parseFloat(getComputedStyle(one).fontSize) < 16)
    .map(one => one.name)"""
"""Fields with letters below 16 pixels: a browser on an iPhone zooms into such a field when it is
tapped, and does not come back."""
