#!/usr/bin/env bash
# Builds the images of all roles.  ENGINE=podman uses podman in place of docker.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: deploy/build-images.sh [--push] [--load] [--registry NAME] [--tag TAG] [--base IMAGE] [ROLE ...] [-- ARGUMENT ...]

  --push            push them to the registry; the base image is then pinned by its digest
  --load            load them into minikube
  --registry NAME   what stands before /gateway, /agent ...  [default: tensorfleet]
  --tag TAG         [default: dev]
  --base IMAGE      the Python image to build on, best with @sha256:...
  ROLE              only these of: gateway orchestrator agent monitor tuner mlflow
  -- ARGUMENT ...   for the engine's build, such as: --build-arg UV_FIND_LINKS=URL
EOF
}

fail() {
  echo "build-images.sh: $1" >&2
  exit "${2:-1}"
}

roles=(gateway orchestrator agent monitor tuner mlflow)
engine="${ENGINE:-docker}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
registry=tensorfleet tag=dev push='' load=''
base=docker.io/library/python:3.11-slim-bookworm
chosen=() arguments=()

while (($#)); do
  case $1 in
    --push) push=yes ;;
    --load) load=yes ;;
    --registry | --tag | --base)
      (($# > 1)) || fail "$1 needs a value" 2
      printf -v "${1#--}" '%s' "$2"
      shift
      ;;
    --help | -h) usage && exit 0 ;;
    --)
      shift
      arguments=("$@")
      break
      ;;
    -*) fail "there is no option $1; see --help" 2 ;;
    *)
      [[ " ${roles[*]} " == *" $1 "* ]] || fail "there is no role $1; there are: ${roles[*]}" 2
      chosen+=("$1")
      ;;
  esac
  shift
done
((${#chosen[@]})) || chosen=("${roles[@]}")
command -v "$engine" >/dev/null || fail "$engine is not installed; install it, or set ENGINE=podman"
[[ -z $load ]] || command -v minikube >/dev/null || fail "minikube is not installed; --load needs it"

if [[ -n $push && $base != *@sha256:* ]]; then
  # A tag may be something else tomorrow: what is pushed says exactly what it was built on, the same for all roles.
  "$engine" pull --quiet "$base" >/dev/null
  digest="$("$engine" image inspect --format '{{index .RepoDigests 0}}' "$base")"
  [[ $digest == *@sha256:* ]] || fail "$base has no digest; name one with --base IMAGE@sha256:..."
  base=$digest
  echo "base image: $base"
fi

for role in "${chosen[@]}"; do
  image="$registry/$role:$tag"
  "$engine" build --file "$root/deploy/docker/Dockerfile" --target "$role" --tag "$image" \
    --build-arg "PYTHON_IMAGE=$base" ${arguments[@]+"${arguments[@]}"} "$root"
  [[ -z $push ]] || "$engine" push "$image"
  [[ -z $load ]] || minikube image load "$image"
  echo "$image"
done
