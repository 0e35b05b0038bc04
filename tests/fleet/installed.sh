# shellcheck shell=bash
# A platform installed from the Debian packages on the servers of servers.sh: the panel on s1 over TLS with an own CA, an
# agent on each. Sourced, after FLEET_ID is set to a number of the test's own.
# shellcheck source=tests/fleet/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
# shellcheck source=tests/support/jobs.sh
. tests/support/jobs.sh

panel=https://panel-server:5000
ctl() { on s1 provisionctl --panel $panel --ca-file /etc/provisioning/panel-ca.pem --token-file /root/token "$@"; }

push_packages() { # SERVER..
  local server
  tests/support/packages.sh || { echo "not ok - the packages"; exit 1; }
  for server in "$@"; do
    $fleet push "$server" build/release/packages /root >/dev/null || exit 1
    on "$server" sh -c "echo 10.213.$FLEET_ID.11 panel-server >>/etc/hosts" || exit 1
  done
}
debs() { on "$1" sh -c "apt-get -qq update && cd /root/packages && apt-get install -y -qq $(printf './%s_*.deb ' "${@:2}")"; }
make_certificate() {
  on s1 sh -c "apt-get install -y -qq openssl && cd /etc/provisioning &&
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout /root/ca-key.pem -out panel-ca.pem &&
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=panel -keyout panel-key.pem -out /root/panel.csr &&
    echo subjectAltName=DNS:panel-server,IP:10.213.$FLEET_ID.11 >/root/names &&
    openssl x509 -req -in /root/panel.csr -CA panel-ca.pem -CAkey /root/ca-key.pem -CAcreateserial -days 2 -extfile /root/names -out panel-cert.pem &&
    chown root:provisioning panel-key.pem && chmod 640 panel-key.pem && chmod 644 panel-ca.pem panel-cert.pem"
}
configure_panel() {
  on s1 sh -c 'printf "panel_listen: 0.0.0.0:5000\npanel_tls_cert: /etc/provisioning/panel-cert.pem\npanel_tls_key: /etc/provisioning/panel-key.pem\n" >>/etc/provisioning/panel.yml'
}
make_token() { on s1 sh -c 'umask 077; provisioning-panel token create --config /etc/provisioning/panel.yml --name root >/root/token'; }
start_panel() { on s1 systemctl enable --now provisioning-panel; }
enrol() { # SERVER, as agent-SERVER; its token stays in $scratch/token
  $fleet exec s1 cat /etc/provisioning/panel-ca.pem >"$scratch/panel-ca.pem" && $fleet push "$1" "$scratch/panel-ca.pem" /etc/provisioning &&
    on "$1" sh -c "printf 'panel_url: $panel\npanel_ca_file: /etc/provisioning/panel-ca.pem\n' >>/etc/provisioning/agent.yml" &&
    on s1 provisioning-panel enroll-token --config /etc/provisioning/panel.yml "agent-$1" >"$scratch/token" &&
    $fleet push "$1" "$scratch/token" /root/enrol &&
    on "$1" provisioning-agent enroll --config /etc/provisioning/agent.yml --token-file /root/enrol/token
}
start_agent() { on "$1" systemctl enable --now provisioning-agent; } # SERVER
online() { ctl server "agent-$1" -o json | grep -q '"status": "online"'; }

add_installer() { # SERVER NAME MANIFEST-LINES, the script from stdin
  mkdir -p "$scratch/$2" || return
  { printf 'id: %s\nname: %s\nversion: "1.0"\ndescription: For tests\ncategory: tests\nauthor: tests\n' "$2" "$2"
    printf 'os_requirements: {family: [debian]}\ntimeout_seconds: 120\n%b' "$3"; } >"$scratch/$2/manifest.yml"
  cat >"$scratch/$2/install.sh" && chmod 755 "$scratch/$2/install.sh" && $fleet push "$1" "$scratch/$2" /opt/provisioning/installers
}
has_app() { ctl app "$1" >/dev/null; }
submit() { # SERVER APP ..: the job's id
  ctl install "${@:2}" --server "agent-$1" -o json | sed -n 's/.*"id": "\([^"]*\)".*/\1/p' | head -n 1
}
has_status() { local now; now=$(field "$1" status); [ "$now" = "$2" ] || { echo "$now"; return 1; }; } # JOB STATUS
