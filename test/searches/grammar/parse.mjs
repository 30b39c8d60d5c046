// Reads {language, queries} as JSON from standard input and writes a syntax tree for each query: [name, from, to, children] of its
// nodes, in bytes of UTF-8. What the grammar does not expect is a node with the name "⚠".
import { readFileSync } from "node:fs";
import { parser as logql } from "@grafana/lezer-logql";
import { parser as traceql } from "@grafana/lezer-traceql";

const parsers = { logql, traceql };
const { language, queries } = JSON.parse(readFileSync(0, "utf8"));

const tree = (query) => {
	const at = (position) => Buffer.byteLength(query.slice(0, position));
	const node = (n) => {
		const children = [];
		for (let child = n.firstChild; child; child = child.nextSibling) children.push(node(child));
		return [n.name, at(n.from), at(n.to), children];
	};
	return node(parsers[language].parse(query).topNode);
};
console.log(JSON.stringify(queries.map(tree)));
