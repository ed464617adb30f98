# The image of every Cronmesh program. What is in it, and why: docs/decisions/0701-image.md.
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /build
# Without install scripts: npm's own Node.js would only double the base's.
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY buf.yaml buf.gen.yaml ./
COPY prisma prisma
COPY proto proto
COPY scripts scripts
RUN npm run generate
COPY LICENSE tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY src src
# One owner, modes and times that do not depend on who builds: the same sources give the same layers.
ARG SOURCE_DATE_EPOCH=0
RUN npm run build \
 && node scripts/image-files.ts /app \
 && mkdir /data \
 && chmod -R u=rwX,go=rX /app /data && chmod 0755 /app/bin/cronmesh \
 && mv /app/node_modules /modules \
 && find /app /data /modules -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

FROM ${BASE_IMAGE}
# An init that reaps what shell jobs leave behind; the user, by name too, for programs that ask who they are; and no
# package manager, of which nothing here has a use.
RUN if ! command -v tini >/dev/null; then \
      apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/* /var/log/*; \
    fi \
 && groupadd --gid 65532 cronmesh \
 && useradd -K UID_MAX=65532 --uid 65532 --gid 65532 --home-dir /var/lib/cronmesh --no-create-home --no-log-init \
      --shell /usr/sbin/nologin cronmesh \
 && rm -rf /usr/local/lib/node_modules /usr/local/lib/npm /opt/yarn-* \
 && rm -f /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg \
 && ln -s /app/bin/cronmesh /usr/local/bin/cronmesh
ENV NODE_ENV=production CRONMESH_DATA_DIRECTORY=/var/lib/cronmesh
WORKDIR /app
COPY --from=build --chown=65532:65532 /data /var/lib/cronmesh
# Changes with the dependencies only; what is above and below it is small.
COPY --from=build /modules ./node_modules
COPY --from=build /app ./
USER 65532:65532
VOLUME /var/lib/cronmesh
EXPOSE 8080 8081 9090
STOPSIGNAL SIGTERM
ARG VERSION=0.1.0 REVISION=unknown
LABEL org.opencontainers.image.title="Cronmesh" \
      org.opencontainers.image.description="A crontab for a whole cluster" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# -s: reaps in a pod that shares its process namespace, too.
ENTRYPOINT ["tini", "-s", "--", "cronmesh"]
CMD ["standalone"]
