# The image that the chart deploys: `npm run image`, or any builder of OCI images. The base is public;
# a release fills in its digest, since a tag can move.
ARG NODE_IMAGE=docker.io/library/node:26-bookworm-slim
ARG NODE_DIGEST=

FROM ${NODE_IMAGE}${NODE_DIGEST:+@}${NODE_DIGEST} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund
COPY LICENSE ./
COPY server ./server/

# Node keeps one part of its compile cache for each version and user: it is filled by the same Node, as
# the user of the bridge. What is compiled here is neither stripped nor compiled at start.
RUN mkdir -p node_modules/.cache/op-scim && chown 999:999 node_modules/.cache/op-scim
USER 999:999
RUN node --input-type=module --eval "import { useCompileCache } from './server/cli/compile-cache.mjs'; useCompileCache({ fills: true });" \
 && ls node_modules/.cache/op-scim/filled-*-999
USER 0:0
# Node makes these files for their owner alone. The bridge reads them, and nobody writes them any more.
RUN chown -R 0:0 node_modules/.cache && chmod -R a+rX node_modules/.cache

# What Node needs of Debian, and nothing else: no shell, no package manager, no npm. The names of the
# packages that these files are of go along, where scanners look for them.
RUN set -eu; \
    root=/image; \
    mkdir -p "$root/etc" "$root/usr/local/bin" "$root/var/lib/dpkg/status.d" "$root/usr/share/doc"; \
    programs='/usr/local/bin/node /usr/bin/env'; \
    for file in $programs $(ldd $programs | grep -oE '/lib[^ :()]+' | sort -u); do \
      mkdir -p "$root${file%/*}"; \
      cp --dereference --preserve=mode,timestamps "$file" "$root$file"; \
      package="$(dpkg -S "$file" "/usr$file" 2>/dev/null | head -n 1 | cut -d : -f 1 || true)"; \
      if [ -n "$package" ]; then \
        dpkg-query --status "$package" > "$root/var/lib/dpkg/status.d/$package"; \
        mkdir -p "$root/usr/share/doc/$package"; \
        cp --dereference "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/" 2>/dev/null || true; \
      fi; \
    done; \
    cp --dereference /etc/os-release "$root/etc/os-release"; \
    echo 'root:x:0:0:root:/root:/sbin/nologin' > "$root/etc/passwd"; \
    echo 'opuser:x:999:999:op-scim:/home/opuser:/sbin/nologin' >> "$root/etc/passwd"; \
    printf 'root:x:0:\nopuser:x:999:\n' > "$root/etc/group"; \
    echo 'hosts: files dns' > "$root/etc/nsswitch.conf"; \
    ln -s /app/server/cli/op-scim.mjs "$root/usr/local/bin/op-scim"; \
    mkdir "$root/home" "$root/root"; \
    mkdir -m 1777 "$root/tmp"; \
    mkdir -p /home/opuser/.op /data; \
    chmod 0700 /home/opuser /home/opuser/.op /data

FROM scratch
ARG NODE_IMAGE
ARG NODE_DIGEST
ARG VERSION=
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="op-scim" \
      org.opencontainers.image.description="An open bridge that provisions people and groups into a 1Password account over SCIM 2.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${NODE_IMAGE}" \
      org.opencontainers.image.base.digest="${NODE_DIGEST}"
COPY --from=build /image/ /
COPY --from=build --chown=999:999 /home/opuser/ /home/opuser/
COPY --from=build --chown=999:999 /data/ /data/
COPY --from=build /app/ /app/
# A directory without Redis is an SQLite file in /data: mount a volume there.
ENV PATH=/usr/local/bin:/usr/bin NODE_ENV=production OP_DATA_DIR=/data
USER 999:999
WORKDIR /home/opuser
EXPOSE 3002 8080 8443
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["op-scim", "ping"]
ENTRYPOINT ["op-scim"]
CMD ["serve"]
