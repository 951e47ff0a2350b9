#!/usr/bin/env bash
# Puts TensorFleet onto the Kubernetes cluster that kubectl points at.  May be run again at any time.
set -euo pipefail

usage() {
  cat <<'EOF'
usage: deploy/deploy.sh [--overlay minikube|production] [--build-images] [--load-minikube] [--no-wait]

  --overlay NAME    a folder of deploy/k8s/overlays  [default: minikube]
  --build-images    build the images first
  --load-minikube   load them into minikube
  --no-wait         return without waiting until everything runs

The first time it makes the Secrets tensorfleet-secrets and tensorfleet-authority with random values.  The production overlay has its database outside:
set TENSORFLEET_DATABASE_URL, and AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY unless the pods get their rights otherwise.
EOF
}

fail() {
  echo "deploy.sh: $1" >&2
  exit "${2:-1}"
}

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
overlay=minikube build='' load='' wait=yes

while (($#)); do
  case $1 in
    --overlay)
      (($# > 1)) || fail "--overlay needs a name" 2
      overlay=$2
      shift
      ;;
    --build-images) build=yes ;;
    --load-minikube) load=yes ;;
    --no-wait) wait='' ;;
    --help | -h) usage && exit 0 ;;
    *) fail "there is no option $1; see --help" 2 ;;
  esac
  shift
done
folder="$here/k8s/overlays/$overlay"
[[ $overlay =~ ^[a-z0-9-]+$ && -d $folder ]] || fail "there is no overlay '$overlay' in $here/k8s/overlays" 2
command -v kubectl >/dev/null || fail "kubectl is not installed"

in_fleet() { kubectl --namespace tensorfleet "$@"; }

make_secrets() {
  local scratch options=()
  [[ $overlay != production ]] || options=(--outside)
  scratch="$(mktemp -d)"
  # shellcheck disable=SC2064 # the folder's name is known now
  trap "rm -rf '$scratch'" EXIT
  "$here/compose/secrets.sh" ${options[@]+"${options[@]}"} "$scratch/made" >/dev/null
  in_fleet create secret generic tensorfleet-store-secrets \
    --from-file="$scratch/made/postgres-password" --from-file="$scratch/made/redis.conf" \
    --from-file="$scratch/made/s3.json" --from-file="$scratch/made/grafana-password"
  in_fleet create secret generic tensorfleet-authority --from-env-file="$scratch/made/authority.env"
  # The one whose presence says that there are secrets comes last.
  in_fleet create secret generic tensorfleet-secrets --from-env-file="$scratch/made/platform.env"
}

if [[ -n $build ]]; then
  "$here/build-images.sh" ${load:+--load}
elif [[ -n $load ]]; then
  for role in gateway orchestrator agent monitor tuner mlflow; do minikube image load "tensorfleet/$role:dev"; done
fi

kubectl apply --filename "$here/k8s/base/namespace.yaml"
known="$(in_fleet get secret tensorfleet-secrets --ignore-not-found --output name)"
if [[ -z $known ]]; then
  # Half of a former try: its values are known to nobody.
  in_fleet delete secret tensorfleet-store-secrets tensorfleet-authority --ignore-not-found
  make_secrets
fi
# A Job cannot be changed, only made again.
in_fleet delete job make-bucket --ignore-not-found
kubectl apply --kustomize "$folder"

if [[ -n $wait ]]; then
  workloads="$(in_fleet get deployments,statefulsets --output name)"
  while read -r workload; do
    in_fleet rollout status "$workload" --timeout=600s
  done <<<"$workloads"
fi

cat <<'EOF'
the API:    kubectl --namespace tensorfleet port-forward service/gateway 8080
its token:  kubectl --namespace tensorfleet get secret tensorfleet-secrets -o jsonpath='{.data.TENSORFLEET_TOKEN}' | base64 -d
EOF
