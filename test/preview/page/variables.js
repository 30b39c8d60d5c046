// Variables of a dashboard: their values from the data source, and their places in titles, queries and links.
import { labelValues, seriesNames } from './prometheus';

const ALL = '$__all';

// A data source variable has one value here: the one Prometheus there is, and for other types a name without a backend.
const dataSources = { prometheus: 'Prometheus', loki: 'Loki', tempo: 'Tempo', jaeger: 'Jaeger', elasticsearch: 'Elasticsearch' };

// resolveVariables finds the options and the value of each variable, one after the other: a later one may use an earlier one.
export async function resolveVariables(list, range, asked) {
  const variables = {};
  for (const definition of list) {
    const options = await optionsOf(definition, text => interpolate(text, variables, { format: 'prometheus' }), range);
    variables[definition.name] = { ...definition, options, value: valueOf(definition, options, asked[definition.name]) };
  }
  return variables;
}

async function optionsOf(definition, replace, range) {
  switch (definition.type) {
    case 'datasource': {
      const name = dataSources[definition.query];
      if (!name) throw new Error(`variable ${definition.name}: no data source of type ${definition.query}`);
      return [name];
    }
    case 'query':
      return sorted(matching(await queried(replace(queryText(definition)), range), definition.regex), definition.sort);
    case 'custom':
    case 'interval':
      return definition.query.split(',').map(option => option.trim().split(' : ').pop());
    case 'textbox':
    case 'constant':
      return [definition.query ?? ''];
    default:
      throw new Error(`variable ${definition.name}: the preview does not know type ${definition.type}`);
  }
}

const queryText = ({ query }) => (typeof query === 'string' ? query : query.query);

async function queried(query, range) {
  const call = query.match(/^label_values\((?:(.*),)?\s*([a-zA-Z_]\w*)\s*\)$/s);
  if (call) return labelValues(call[2], call[1]?.trim(), range);
  const metrics = query.match(/^(?:query_result)\((.*)\)$/s);
  if (metrics) return seriesNames(metrics[1], range);
  throw new Error(`variable query ${query}: the preview knows label_values and query_result`);
}

function matching(values, regex) {
  if (!regex) return values;
  const [, pattern, flags] = regex.match(/^\/(.*)\/(\w*)$/s) ?? [null, regex, ''];
  const expression = new RegExp(pattern, flags.replace('g', ''));
  return [...new Set(values.map(value => value.match(expression)).filter(Boolean).map(found => found[1] ?? found[0]))];
}

function sorted(values, sort = 0) {
  if (sort === 0) return values;
  const order = new Intl.Collator('en', { numeric: sort > 6 || sort === 3 || sort === 4, sensitivity: 'base' });
  const ascending = [...values].sort(order.compare);
  return sort % 2 === 1 ? ascending : ascending.reverse();
}

// valueOf is what was asked for, or what the dashboard says, or the first option; as an array for a variable with several.
function valueOf({ type, multi, includeAll, current }, options, asked) {
  if (type === 'textbox' || type === 'constant') return asked?.[0] ?? String(current?.value ?? options[0]);
  if (type === 'datasource') return options[0];
  const known = value => options.includes(value) || (value === ALL && includeAll);
  const wanted = (asked?.length ? asked : [current?.value ?? []].flat()).filter(known);
  const chosen = wanted.length ? wanted : includeAll && multi ? [ALL] : options.slice(0, 1);
  return multi ? chosen : (chosen[0] ?? (includeAll ? ALL : ''));
}

// $name, ${name}, ${name:format}, ${name.path}, [[name]]
const PLACE = /\$\{(\w+)(?:\.([^:}]+))?(?::(\w+))?\}|\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]/g;

// interpolate puts the values of variables, and of scoped ones ($__interval, ${__value.text}), in their places.
export function interpolate(text, variables, { scoped = {}, format } = {}) {
  return String(text ?? '').replace(PLACE, (place, braced, path, asked, plain, bracketed, askedInBrackets) => {
    const name = braced ?? plain ?? bracketed;
    const scopedValue = scopedValueOf(name, path, scoped);
    if (scopedValue !== undefined) return formatted([scopedValue], asked ?? askedInBrackets ?? 'raw', {});
    const variable = variables[name];
    if (!variable) return place;
    return formattedVariable(variable, asked ?? askedInBrackets ?? format ?? 'glob');
  });
}

function scopedValueOf(name, path, scoped) {
  const own = scoped[name];
  if (own !== undefined && own !== null) {
    const value = typeof own === 'object' && 'value' in own ? own.value : own;
    return path ? path.split('.').reduce((at, key) => at?.[key], value) : (own.text ?? value);
  }
  const context = scoped.__dataContext?.value;
  return context && path ? ofData(name, path, context) : undefined;
}

// What a data link may say about the value that it stands on.
function ofData(name, path, { frame, field, rowIndex, calculatedValue }) {
  const shown = (of, row) => {
    const display = of.display?.(of.values[row]);
    return { raw: of.values[row], numeric: display?.numeric, text: display ? `${display.prefix ?? ''}${display.text}${display.suffix ?? ''}` : String(of.values[row]) };
  };
  if (name === '__value') return (calculatedValue ? { ...calculatedValue, raw: calculatedValue.numeric } : shown(field, rowIndex))[path];
  if (name === '__field') return path.startsWith('labels.') ? field.labels?.[path.slice(7)] : field[path];
  if (name === '__series') return frame.name;
  if (name === '__data') {
    const [, wanted, property = 'text'] = path.match(/^fields(?:\.|\[)"?([^"\]]+?)"?\]?(?:\.(text|raw|numeric))?$/) ?? [];
    const of = frame.fields.find((candidate, index) => candidate.name === wanted || candidate.state?.displayName === wanted || String(index) === wanted);
    return of && shown(of, rowIndex)[property];
  }
  return undefined;
}

function formattedVariable(variable, format) {
  const { name, value, multi, includeAll, allValue, options } = variable;
  const all = [value].flat().includes(ALL);
  if (format === 'text') return all ? 'All' : [value].flat().join(' + ');
  if (format === 'queryparam') return [value].flat().map(one => `var-${name}=${encodeURIComponent(one)}`).join('&');
  if (all && allValue) return allValue;
  return formatted(all ? options : [value].flat(), format, { several: multi || includeAll });
}

const regexEscaped = value => String(value).replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&');

function formatted(values, format, { several }) {
  const joined = values.join(',');
  switch (format) {
    case 'prometheus': { // Inside a quoted string, where a backslash is written twice.
      if (!several) return joined.replace(/["\\]/g, '\\$&');
      const escaped = values.map(value => String(value).replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&'));
      return escaped.length === 1 ? escaped[0] : `(${escaped.join('|')})`;
    }
    case 'regex': return values.length === 1 ? regexEscaped(values[0]) : `(${values.map(regexEscaped).join('|')})`;
    case 'pipe': return values.join('|');
    case 'csv': case 'raw': return joined;
    case 'percentencode': return encodeURIComponent(values.length === 1 ? values[0] : `{${joined}}`);
    case 'doublequote': return values.map(value => `"${String(value).replace(/"/g, '\\"')}"`).join(',');
    case 'singlequote': return values.map(value => `'${String(value).replace(/'/g, "\\'")}'`).join(',');
    case 'json': return JSON.stringify(values.length === 1 ? values[0] : values);
    default: return values.length === 1 ? String(values[0]) : `{${joined}}`;
  }
}
