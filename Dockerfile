# The program alone, as `make image` has built it: it needs no shell and no library.
FROM scratch
COPY bin/cc-metric-store /cc-metric-store
WORKDIR /data
VOLUME /data
EXPOSE 8080 4222
ENTRYPOINT ["/cc-metric-store"]
CMD ["-addr", "0.0.0.0:8080", "-nats-addr", "0.0.0.0:4222"]
