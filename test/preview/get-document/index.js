// The document that a window, node, range or selection is of.
module.exports = function getDocument(of) {
  const node = of?.startContainer ?? of?.anchorNode ?? of;
  if (node?.nodeType === 9 /* a document itself */) return node;
  return node?.ownerDocument ?? node?.document ?? null;
};
