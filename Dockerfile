# The image expects volumes at /etc/opencloud and /var/lib/opencloud, writable for user 1000.
FROM golang:1.26 AS build
RUN apt-get update && apt-get install -y --no-install-recommends nodejs npm && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG VERSION=dev
RUN make build VERSION=$VERSION

FROM debian:stable-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates media-types tzdata && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --user-group --home-dir /var/lib/opencloud opencloud \
 && mkdir -p /etc/opencloud /var/lib/opencloud && chown 1000:1000 /etc/opencloud /var/lib/opencloud
COPY --from=build /src/bin/opencloud /usr/bin/opencloud
ENV OC_CONFIG_DIR=/etc/opencloud OC_BASE_DATA_PATH=/var/lib/opencloud PROXY_HTTP_ADDR=0.0.0.0:9200
USER 1000:1000
VOLUME ["/etc/opencloud", "/var/lib/opencloud"]
EXPOSE 9200
HEALTHCHECK CMD ["opencloud", "proxy", "health"]
ENTRYPOINT ["/bin/sh"]
CMD ["-c", "opencloud init --insecure no || true; exec opencloud server"]
