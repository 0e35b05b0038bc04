#!/usr/bin/env bash
# The installers' library and the hello installer, without root's help and without touching the machine. Prints TAP.
# shellcheck disable=SC2016 # what is in single quotes is for the shell it is given to
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/support/tap.sh
. tests/support/tap.sh
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
export PROVISIONING_LIB=$PWD/packaging/lib/provisioning.sh PROVISIONING_APP_ID=hello PROVISIONING_STATE_DIR=$scratch/state
me=$(id -un):$(id -gn)
# lib COMMANDS: a script that sources the library, as an installer does. Files belong to whoever runs the test.
lib() { bash -c "set -euo pipefail; shopt -s lastpipe; . \"\$PROVISIONING_LIB\"; ME='$me'; F='$scratch/dir/file'; $1" </dev/null; }
holds() { [ "$(cat "$1")" = "$2" ]; }
hello() { # SCRIPT [NAME=VALUE..]
  local script=$1; shift
  (cd installers/hello && env GREETING=hi GREETING_FILE="$scratch/deep/down/hello" "$@" bash "$script" </dev/null)
}

# ---- the library
ok "error ends with 2 unless told otherwise" exits 2 lib 'error why'
ok "error ends with the code it is given" exits 3 lib 'error why 3'
ok "progress prints the platform's line" lib '[ "$(progress 50 "Half way")" = "::progress 50 Half way" ]'
ok "output prints the platform's line" lib '[ "$(output url http://a)" = "::output url=http://a" ]'
ok "write_file makes what is missing and says so" lib 'echo one | write_file $F 0640 $ME; $FILE_CHANGED; [ "$(stat -c %a $F)" = 640 ]'
ok "a later run still knows of a change that nothing took up" lib 'files_changed; changes_taken_up; ! files_changed'
ok "write_file of the same changes nothing" lib 'i=$(stat -c %i $F); echo one | write_file $F 0640 $ME; [ $FILE_CHANGED = false ]; if files_changed; then exit 1; fi; [ "$i" = "$(stat -c %i $F)" ]'
ok "write_file of another mode changes it" lib 'echo one | write_file $F 0600 $ME; $FILE_CHANGED; [ "$(stat -c %a $F)" = 600 ]'
ok "undo_files takes back what no service has taken up" lib 'changes_taken_up; echo two | write_file $F 0600 $ME; echo three | write_file $F 0600 $ME
  echo new | write_file $F.d/new 0600 $ME; undo_files; [ "$(cat $F)" = one ] && [ ! -e $F.d ] && ! files_changed'
ok "undo_files after nothing was changed does nothing" lib 'undo_files; [ "$(cat $F)" = one ]'
ok "restore_files and forget_state leave nothing of ours" lib 'restore_files; forget_state; [ ! -e "$(dirname $F)" ] && [ ! -e $PROVISIONING_STATE_DIR ]'
mkdir -p "$scratch/dir" && echo theirs >"$scratch/dir/file" && chmod 0604 "$scratch/dir/file"
ok "write_file over another's file" lib 'echo 1 | write_file $F 0644 $ME; echo 2 | write_file $F 0644 $ME'
ok "restore_files gives back the first original, with its mode" lib 'restore_files; forget_state; [ "$(cat $F)" = theirs ] && [ "$(stat -c %a $F)" = 604 ]'
rm "$scratch/dir/file" && ln -s /nowhere "$scratch/dir/file"
ok "write_file replaces a symlink instead of following it" lib 'echo 1 | write_file $F 0644 $ME; [ ! -L $F ]'
ok "restore_files gives the symlink back" lib 'restore_files; forget_state; [ "$(readlink $F)" = /nowhere ]'
ok "restore_files leaves what another put in place of a file of ours" lib 'rm $F; echo 1 | write_file $F 0644 $ME; echo 2 | write_file $F 0644 $ME
  echo theirs >$F; restore_files; forget_state; [ "$(cat $F)" = theirs ]'
ok "restore_files leaves what another made of a file that was there before" lib 'echo 1 | write_file $F 0644 $ME; echo edited >>$F
  restore_files; forget_state; [ "$(cat $F)" = $'"'1\nedited'"' ]'
ok "restore_files takes away what an earlier write of ours left" lib 'rm $F; echo 1 | write_file $F 0644 $ME; echo 2 | write_file $F 0644 $ME; echo 1 >$F
  restore_files; forget_state; [ ! -e $F ]'
ok "write_file where no directory can be ends with 3" exits 3 lib 'echo 1 | write_file /dev/null/file 0644 $ME'
for port in 0 65536 -1 80x '' 000080; do
  ok "port_input refuses '$port'" exits 1 env PORT="$port" bash -c '. "$PROVISIONING_LIB"; port_input PORT'
done
ok "port_input takes 65535" env PORT=65535 bash -c '. "$PROVISIONING_LIB"; port_input PORT'
ok "match_input refuses a trailing newline" exits 1 env A=$'a\n' bash -c '. "$PROVISIONING_LIB"; match_input A "[a-z]+" no'
ok "match_input means the whole value" exits 1 env A=ab1 bash -c '. "$PROVISIONING_LIB"; match_input A "[a-z]+" no'

# A dpkg and an apt-get of the test's own: the packages that are there are the words of the file DPKG.
mkdir -p "$scratch/bin" && export DPKG=$scratch/packages
cat >"$scratch/bin/dpkg-query" <<'X'
#!/bin/sh
for package; do :; done
! grep -qxF "$package" "$DPKG" || printf 'ii '
X
cat >"$scratch/bin/apt-get" <<'X'
#!/bin/sh
case "$*" in
  "-s install"*) printf 'Inst lib [1.0] (1.1 Debian:12)\nInst helper (1.0 Debian:12)\nInst tool (1.0 Debian:12)\n' ;;
  *" install "*) printf '%s\n' $APT_BRINGS >>"$DPKG"; [ "$APT_BRINGS" = "helper tool" ] ;;
  *purge*) echo "$*" >>"$DPKG.purged" ;;
esac
X
printf '#!/bin/sh\n' >"$scratch/bin/dpkg"
chmod +x "$scratch/bin/"*
packages() { echo lib >"$DPKG"; APT_BRINGS=$1 PATH=$scratch/bin:$PATH lib "$2"; }
ours='for p in lib helper tool; do ! package_is_ours $p || printf "%s " $p; done'
ok "what an installation brings is ours, what it only upgrades is not" packages "helper tool" 'ensure_package tool; [ "$('"$ours"')" = "helper tool " ]; forget_state'
ok "an installation that fails ends with 2" exits 2 packages "" 'ensure_package tool'
ok "what never came is not ours" packages "" '[ "$('"$ours"')" = "" ]; forget_state'
ok "what came before an installation failed is ours" packages helper '! (ensure_package tool) || exit 1; [ "$('"$ours"')" = "helper " ]; forget_state'
ok "what a killed run noted and did not install is not ours, whoever installs it later" packages "" 'mkdir -p $PROVISIONING_STATE_DIR; echo tool >$PROVISIONING_STATE_DIR/packages
  ensure_package lib; echo tool >>$DPKG; remove_packages; [ ! -e $DPKG.purged ]; forget_state'

# ---- ports. Nobody answers to a unit that does not exist, so whoever listens is another.
exec {listener}< <(exec perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die; print $s->sockport, "\n"; sleep 600')
listener_id=$!
read -r -u "$listener" port
refused_naming() { # WHOM
  local why code=0
  why=$(lib "require_port_free $port no-such-unit" 2>&1) || code=$?
  [[ $code == 3 && $why == *"port $port is taken by $1:"* ]] || { echo "exit $code: $why"; return 1; }
}
ok "a port that another listens on is refused, and the other named" refused_naming "perl, process $listener_id"
ok "a port that another has at the very address is refused" exits 3 lib "require_port_free $port no-such-unit 127.0.0.1"
ok "a port that another has at another address is free" lib "require_port_free $port no-such-unit 127.0.0.2; require_port_free $port no-such-unit ::1"
ok "waiting for a port is not content with another's answer" exits 1 lib "wait_for_port $port no-such-unit 127.0.0.1 0"
kill "$listener_id"
ok "a port that nobody listens on any more is free" eventually 10 lib "require_port_free $port no-such-unit"

# ---- hello
if [ "$(id -u)" = 0 ]; then
  ok "hello installs" hello install.sh
  ok "hello wrote its line" holds "$scratch/deep/down/hello" hi
  ok "hello checks" hello check.sh
  inode=$(stat -c %i "$scratch/deep/down/hello")
  ok "hello installs again" hello install.sh
  ok "the second run changed nothing" [ "$inode" = "$(stat -c %i "$scratch/deep/down/hello")" ]
  ok "hello checks for another greeting and says 3" exits 3 hello check.sh GREETING=other
  ok "hello uninstalls" hello uninstall.sh
  ok "nothing is left" [ ! -e "$scratch/deep" ]
  ok "hello uninstalls again" hello uninstall.sh
else
  echo "ok $((count += 1)) - hello installs # SKIP $(tests/support/requirement root)"
fi
rm -rf "$scratch/state"
ok "hello refuses an empty greeting" exits 1 hello install.sh GREETING=
ok "hello refuses a relative path" exits 1 hello install.sh GREETING_FILE=a
ok "hello refuses two lines" exits 1 hello install.sh GREETING=$'a\nb'
ok "refusals left nothing" [ ! -e "$scratch/state" ]

# ---- all of them
for script in installers/*/*.sh; do
  ok "$script is executable, strict and clean" bash -c "[ -x $script ] && grep -qx 'set -euo pipefail' $script && shellcheck $script"
done
ok "what they share is clean" shellcheck packaging/lib/provisioning.sh installers/*/files/*.sh
done_testing
