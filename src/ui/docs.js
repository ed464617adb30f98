// The bundle, loaded before, sets this global.
globalThis.SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, validatorUrl: null });
