# The collector's own image has no shell and no client, so a health check cannot run in it: the same program on busybox.
FROM otel/opentelemetry-collector-contrib:0.139.0 AS collector

FROM busybox:1.37.0
COPY --from=collector /otelcol-contrib /usr/local/bin/otelcol-contrib
COPY --from=collector /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/otelcol-contrib"]
