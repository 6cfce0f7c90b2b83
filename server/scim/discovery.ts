import { ScimError } from './errors.ts';
import type { Attribute, ResourceType, Schema } from './schema/attribute.ts';
import { GROUP, USER } from './schema/resource-types.ts';

/** What the bridge offers and how much of it, as clients are told. */
export interface DiscoveryLimits {
  readonly strict: boolean;
  readonly defaultPageSize: number;
  readonly maxPageSize: number;
  readonly cursorTimeoutSeconds: number;
  readonly bulkMaxOperations: number;
  readonly bulkMaxPayloadBytes: number;
}

/** The answers of the discovery endpoints (RFC 7644 §4), as JSON text with links below `baseUrl`. */
export interface Discovery {
  serviceProviderConfig(baseUrl: string): string;
  resourceTypes(baseUrl: string): string;
  /** Throws notFound. Names and URNs count in any letter case. */
  resourceType(name: string, baseUrl: string): string;
  schemas(baseUrl: string): string;
  schema(urn: string, baseUrl: string): string;
}

/** All texts are written here, once; a request only puts the base URL in. It ends without a slash. */
export function createDiscovery(limits: DiscoveryLimits): Discovery {
  const config = template(serviceProviderConfig(limits));
  const schemas = TYPES.flatMap((type) => [type.schema, ...type.extensions]);
  const typeResources = new Map(TYPES.map((type) => [type.name, resourceTypeResource(type)]));
  const schemaResources = new Map(schemas.map((schema) => [schema.id, schemaResource(schema)]));
  const typeList = template(listResponse(typeResources));
  const schemaList = template(listResponse(schemaResources));
  const oneType = templates(typeResources);
  const oneSchema = templates(schemaResources);
  return {
    serviceProviderConfig: config,
    resourceTypes: typeList,
    resourceType: (name, baseUrl) => pick(oneType, name, '/ResourceTypes')(baseUrl),
    schemas: schemaList,
    schema: (urn, baseUrl) => pick(oneSchema, urn, '/Schemas')(baseUrl),
  };
}

/** RFC 7643 §5, with RFC 9865 §4 and draft-zollner-scim-interop-profile's `interopProfileConformant`. */
function serviceProviderConfig(limits: DiscoveryLimits): object {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: {
      supported: true,
      maxOperations: limits.bulkMaxOperations,
      maxPayloadSize: limits.bulkMaxPayloadBytes,
    },
    filter: { supported: true, maxResults: limits.maxPageSize },
    changePassword: { supported: false },
    sort: { supported: true },
    etag: { supported: true },
    pagination: {
      cursor: true,
      index: true,
      defaultPaginationMethod: 'index',
      defaultPageSize: limits.defaultPageSize,
      maxPageSize: limits.maxPageSize,
      cursorTimeout: limits.cursorTimeoutSeconds,
    },
    interopProfileConformant: limits.strict,
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'The bearer token that was made together with the session.',
        specUri: 'https://www.rfc-editor.org/rfc/rfc6750',
        primary: true,
      },
    ],
    meta: meta('ServiceProviderConfig', '/ServiceProviderConfig'),
  };
}

const TYPES = [USER, GROUP];

/** Stands where the base URL goes. U+0000 is in no text of ours. */
const BASE_MARK = '\0';

type Template = (baseUrl: string) => string;

function template(resource: object): Template {
  const parts = JSON.stringify(resource).split(escaped(BASE_MARK));
  return (baseUrl) => parts.join(escaped(baseUrl));
}

/** As it stands inside a JSON string. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function templates(resources: ReadonlyMap<string, object>): ReadonlyMap<string, Template> {
  return new Map(
    [...resources].map(([name, resource]) => [name.toLowerCase(), template(resource)]),
  );
}

function pick(all: ReadonlyMap<string, Template>, name: string, endpoint: string): Template {
  const found = all.get(name.toLowerCase());
  if (found !== undefined) return found;
  throw new ScimError(
    'notFound',
    `There is no such thing in ${endpoint}: GET ${endpoint} lists all.`,
  );
}

function listResponse(resources: ReadonlyMap<string, object>): object {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: resources.size,
    itemsPerPage: resources.size,
    startIndex: 1,
    Resources: [...resources.values()],
  };
}

/** RFC 7643 §6. */
function resourceTypeResource(type: ResourceType): object {
  const { name, endpoint, description, schema, extensions } = type;
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: name,
    name,
    endpoint,
    description,
    schema: schema.id,
    schemaExtensions: extensions.map(({ id }) => ({ schema: id, required: false })),
    meta: meta('ResourceType', `/ResourceTypes/${name}`),
  };
}

/** RFC 7643 §7. */
function schemaResource({ id, name, description, attributes }: Schema): object {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id,
    name,
    description,
    attributes: attributes.map(attributeObject),
    meta: meta('Schema', `/Schemas/${id}`),
  };
}

function attributeObject({ subAttributes, ...characteristics }: Attribute): object {
  if (characteristics.type !== 'complex') return characteristics;
  return { ...characteristics, subAttributes: subAttributes.map(attributeObject) };
}

function meta(resourceType: string, path: string): object {
  return { resourceType, location: BASE_MARK + path };
}
