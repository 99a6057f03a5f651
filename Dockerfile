# Both programs, as `make image` has built them: they need no shell and no library.
FROM scratch
COPY bin/cc-metric-store bin/cc-metric-generator /
# An empty directory. A new volume takes its owner from here.
COPY --chown=10001:10001 bin/data /data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080 4222
# A start that reads much of the log takes its time. A node that is ready earlier is healthy at once.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15m --retries=3 \
    CMD ["/cc-metric-store", "-ready", "http://localhost:8080"]
ENTRYPOINT ["/cc-metric-store"]
CMD ["-addr", "0.0.0.0:8080", "-nats-addr", "0.0.0.0:4222"]
