#!/usr/bin/env bash
# A kind cluster with Kubeflow Pipelines, KubeRay and what bakeoff needs of it: up, submit, open, down.
# Run again, it goes on where it stopped.
set -euo pipefail
cd "$(dirname "$0")/.."

NAME=${CLUSTER:-bakeoff}
IMAGE=${IMAGE:?the image of the steps}
BIN=${BIN:-.venv/bin}
KFP=2.17.0 KUBERAY=v1.7.0
PIPELINES=github.com/kubeflow/pipelines/manifests/kustomize
OPERATOR=github.com/ray-project/kuberay/ray-operator/config/default
PORT=${PORT:-8080} S3_PORT=${S3_PORT:-9000}

k() { kubectl --context "kind-$NAME" "$@"; }
say() { echo "cluster: $*" >&2; }
stop() { say "$*"; exit 1; }

needed() {
  local tool missing=()
  for tool in docker kind kubectl git; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  [[ ${#missing[@]} == 0 ]] || stop "missing: ${missing[*]} (kind: https://kind.sigs.k8s.io)"
  docker version >/dev/null 2>&1 || stop "no Docker engine answers: start one, or name it with DOCKER_HOST"
}
# Puts the image into the cluster, also under a name that tells its content: KFP's cache knows code by that.
load() {
  local id; id=$(docker image inspect --format '{{.Id}}' "$IMAGE" 2>/dev/null) \
    || stop "there is no image $IMAGE: make images"
  id=${id#sha256:}
  case ${IMAGE##*/} in *:*) LOADED=$IMAGE-${id:0:12} ;; *) LOADED=$IMAGE:${id:0:12} ;; esac
  docker tag "$IMAGE" "$LOADED"
  kind load docker-image "$IMAGE" "$LOADED" --name "$NAME"
}
exists() { kind get clusters 2>/dev/null | grep -qx "$NAME"; }
there() { exists || stop "there is no cluster $NAME: make cluster-up"; }

up() {
  needed
  docker image inspect "$IMAGE" >/dev/null 2>&1 || stop "there is no image $IMAGE: make images"
  local bytes; bytes=$(docker info --format '{{.MemTotal}}')
  ((bytes > 7 * 2 ** 30)) || stop "the Docker engine has $((bytes / 2 ** 30)) GiB of memory, and 8 are needed"
  exists || kind create cluster --name "$NAME" --wait 5m
  say "Kubeflow Pipelines $KFP"
  k apply -k "$PIPELINES/cluster-scoped-resources?ref=$KFP" >/dev/null
  k wait --for condition=established --timeout=2m crd/applications.app.k8s.io >/dev/null
  k apply -k "$PIPELINES/env/platform-agnostic?ref=$KFP" >/dev/null
  say "KubeRay $KUBERAY"
  k apply --server-side -k "$OPERATOR?ref=$KUBERAY" >/dev/null
  k apply -k k8s/overlays/kind
  say "the image $IMAGE, which takes some minutes"
  load
  say "waiting for all to start, which takes some minutes the first time"
  k wait --for condition=available --timeout=5m deployment/kuberay-operator >/dev/null
  k -n kubeflow wait --for condition=available --timeout=25m deployment --all >/dev/null
  say "up; next: make cluster-submit"
}

# Gives the ports of KFP and of its object store, as long as this script runs.
forward() {
  local said pids=() _; said=$(mktemp -d)
  # Not by k: the id of a function's process is not kubectl's, which would go on.
  local to=(kubectl --context "kind-$NAME" -n kubeflow port-forward)
  "${to[@]}" service/ml-pipeline-ui "$PORT:80" >"$said/kfp" & pids+=($!)
  "${to[@]}" service/seaweedfs "$S3_PORT:9000" >"$said/store" & pids+=($!)
  # shellcheck disable=SC2064
  trap "kill ${pids[*]} 2>/dev/null || true; rm -rf $said" EXIT
  for _ in $(seq 60); do
    grep -q "127.0.0.1:$PORT " "$said/kfp" && grep -q "127.0.0.1:$S3_PORT " "$said/store" && return
    [[ $(jobs -rp | grep -c .) == 2 ]] || break
    sleep 0.5
  done
  stop "the ports $PORT and $S3_PORT cannot be forwarded: are they taken? PORT=… S3_PORT=… names others"
}
secret() { k -n kubeflow get secret mlpipeline-minio-artifact -o "jsonpath={.data.$1}" | base64 -d; }

submit() {
  there
  load
  forward
  export KFP_HOST=http://localhost:$PORT AWS_ENDPOINT_URL=http://localhost:$S3_PORT AWS_DEFAULT_REGION=us-east-1
  AWS_ACCESS_KEY_ID=$(secret accesskey) AWS_SECRET_ACCESS_KEY=$(secret secretkey)
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  local log run; log=$(mktemp)
  "$BIN/bakeoff" submit --image "$LOADED" --threads 1 --resources small "$@" | tee -i "$log"
  # A run that goes on, as of --no-wait, or that comes again and again has no results yet.
  run=$(sed -n 's/^.* run \([0-9a-f-]\{36\}\) succeeded$/\1/p' "$log" | tail -n 1)
  rm -f "$log"
  [[ -z $run ]] || "$BIN/bakeoff" fetch "$run"
}

open() {
  there
  forward
  say "KFP: http://localhost:$PORT, its object store: http://localhost:$S3_PORT; Ctrl-C ends this"
  wait
}

down() {
  command -v kind >/dev/null || stop "missing: kind"
  if exists; then kind delete cluster --name "$NAME"; else say "there is no cluster $NAME"; fi
}

case ${1:-} in
  up | submit | open | down) "$@" ;;
  *) stop "usage: $0 up|submit STUDY …|open|down" ;;
esac
