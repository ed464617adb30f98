# syntax=docker/dockerfile:1
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run prepare && npm prune --omit=dev --ignore-scripts

FROM ${BASE_IMAGE}
ENV NODE_ENV=production CRONMESH_DATA_DIRECTORY=/var/lib/cronmesh
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/bin ./bin
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/prisma ./prisma
COPY --from=build /app/proto ./proto
RUN mkdir -p /var/lib/cronmesh && chown 65532:65532 /var/lib/cronmesh
USER 65532:65532
VOLUME /var/lib/cronmesh
EXPOSE 8080 8081 9090
ENTRYPOINT ["/app/bin/cronmesh"]
CMD ["standalone"]
