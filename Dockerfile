# txnode in a container that holds one static binary and an empty data
# directory owned by an unprivileged user.
#
#   docker build -t txnode .
#   docker run --rm txnode version
#
# GOPROXY may be passed as a build argument where the default is not reachable.
ARG GO_IMAGE=golang:1.26.8

FROM ${GO_IMAGE} AS build
ARG GOPROXY
ENV CGO_ENABLED=0
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -trimpath -ldflags="-s -w" -o /out/txnode ./cmd/txnode && mkdir /out/data

FROM scratch
COPY --from=build /out/txnode /txnode
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV TXNODE_DATADIR=/data
VOLUME /data
EXPOSE 18555/tcp 18555/udp 18443/tcp
HEALTHCHECK --interval=5s --timeout=5s --start-period=20s CMD ["/txnode", "health"]
ENTRYPOINT ["/txnode"]
CMD ["run"]
