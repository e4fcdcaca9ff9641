# The image holds the program, the certificates of the public authorities, and nothing else: no
# shell, no user but a number.
FROM golang:1.26.8@sha256:0f063af2d465d8dcae54cce04278ada488b96f77b42449c8d071e47d016cc65a AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The commit is stamped in by the toolchain, which is why .git is part of the build's context.
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/revokebot ./cmd/revokebot

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/revokebot /revokebot
# Health on all addresses of the container, so that probes from outside reach /healthz and /readyz.
ENV REVOKEBOT_LISTEN=:9090
EXPOSE 9090
USER 65532:65532
ENTRYPOINT ["/revokebot"]
CMD ["run"]
