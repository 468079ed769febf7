# The webhook's image: node, the libraries that node links to, meshgate, and nothing else: no shell, no package manager.
# Any Debian with Node 24 and npm will do as BASE; nothing of it remains but node and those libraries.
ARG BASE=node:24.21.0-bookworm-slim

FROM ${BASE} AS build
WORKDIR /meshgate
COPY package.json package-lock.json ./
# No install script of any package runs, here or below.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts scripts/
COPY src src
RUN "$(command -v node)" scripts/build.ts
# What is only for development goes again, and so do the declarations and source maps of the rest.
RUN npm ci --ignore-scripts --omit=dev --no-audit --no-fund \
 && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete
# node and what its dynamic linker asks for, under the paths it asks by.
RUN mkdir -p /root-of-image/usr/local/bin /root-of-image/etc /root-of-image/meshgate \
 && cp "$(command -v node)" /root-of-image/usr/local/bin/node \
 && ldd "$(command -v node)" | grep -o '/[^ ]*' | xargs -I LIBRARY cp --parents --dereference LIBRARY /root-of-image \
 && printf 'nonroot:x:65532:65532:nonroot:/meshgate:/sbin/nologin\n' >/root-of-image/etc/passwd \
 && printf 'nonroot:x:65532:\n' >/root-of-image/etc/group \
 && printf 'hosts: files dns\n' >/root-of-image/etc/nsswitch.conf \
 && cp -r package.json dist node_modules /root-of-image/meshgate/

FROM scratch
LABEL org.opencontainers.image.title="meshgate" \
      org.opencontainers.image.description="Stops Linkerd misconfigurations before they reach a cluster" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /root-of-image /
COPY LICENSE /meshgate/
WORKDIR /meshgate
# glibc gives each thread an arena of its own, which keeps 15 to 25 MiB that nobody uses.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
USER 65532:65532
EXPOSE 8443 8080
# Without the limit V8 takes 128 MiB for new objects while a large cluster is read, and keeps them. It is only heeded at the start.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=8", "--disable-proto=delete", "dist/cli.js"]
CMD ["serve"]
# For whoever runs it without Kubernetes, which asks /livez by itself.
HEALTHCHECK --interval=10s --timeout=5s CMD ["/usr/local/bin/node", "dist/cli.js", "health"]
