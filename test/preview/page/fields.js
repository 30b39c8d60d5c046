// What Grafana does to data between a query and a panel: transformations, then field options with their overrides.
import {
  FieldColorModeId, FieldConfigOptionsRegistry, applyFieldOverrides, cacheFieldDisplayNames, dataLinksOverrideProcessor, displayNameOverrideProcessor, identityOverrideProcessor,
  numberOverrideProcessor, standardEditorsRegistry, standardFieldConfigEditorRegistry, standardTransformers, standardTransformersRegistry,
  thresholdsOverrideProcessor, transformDataFrame, unitOverrideProcessor, valueMappingsOverrideProcessor,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

const processors = {
  unit: unitOverrideProcessor, min: numberOverrideProcessor, max: numberOverrideProcessor, decimals: numberOverrideProcessor,
  displayName: displayNameOverrideProcessor, noValue: displayNameOverrideProcessor, color: identityOverrideProcessor,
  thresholds: thresholdsOverrideProcessor, mappings: valueMappingsOverrideProcessor, links: dataLinksOverrideProcessor,
  filterable: identityOverrideProcessor, fieldMinMax: identityOverrideProcessor,
};

const option = (id, path, process, isCustom) => ({
  id, path, process, isCustom, name: id, editor: () => null, override: () => null, settings: {}, shouldApply: () => true,
});

const standardOptions = () => Object.entries(processors).map(([id, process]) => option(id, id, process, false));

// Grafana's application fills these registries when it starts; the packages leave them empty.
export function initialiseRegistries() {
  standardFieldConfigEditorRegistry.setInit(standardOptions);
  standardEditorsRegistry.setInit(() => []);
  const byID = new Map(Object.values(standardTransformers).map(transformation => [transformation.id, transformation])); // Some have two names.
  standardTransformersRegistry.setInit(() => [...byID].map(([id, transformation]) => ({ id, name: transformation.name, transformation: async () => transformation, editor: () => null })));
}

// customOptions are those of the panel's own type that it uses: each is taken as it is.
function customOptions({ defaults, overrides }) {
  const ids = new Set([
    ...Object.keys(defaults.custom ?? {}).map(key => `custom.${key}`),
    ...overrides.flatMap(({ properties }) => properties.map(({ id }) => id)).filter(id => id.startsWith('custom.')),
  ]);
  return [...ids].map(id => option(id, id.slice('custom.'.length), identityOverrideProcessor, true));
}

export async function prepared(frames, panel, { replaceVariables, theme, timeZone, custom = {} }) {
  const transformed = await lastValueFrom(transformDataFrame(panel.transformations ?? [], frames, { interpolate: text => text }));
  const fieldConfig = fieldConfigOf(panel, custom);
  const data = applyFieldOverrides({
    data: transformed, fieldConfig, replaceVariables, theme, timeZone,
    fieldConfigRegistry: new FieldConfigOptionsRegistry(() => [...standardOptions(), ...customOptions(fieldConfig)]),
  });
  cacheFieldDisplayNames(data);
  return { data, fieldConfig };
}

function fieldConfigOf({ type, fieldConfig = {} }, custom) {
  const { defaults = {}, overrides = [] } = fieldConfig;
  const mode = ['timeseries', 'trend'].includes(type) ? FieldColorModeId.PaletteClassic : FieldColorModeId.Thresholds;
  const thresholds = { mode: 'absolute', steps: [{ value: null, color: 'green' }, { value: 80, color: 'red' }] };
  return structuredClone({ overrides, defaults: { color: { mode }, thresholds, ...defaults, custom: { ...custom, ...defaults.custom } } });
}
