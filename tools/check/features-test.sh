#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/check/features sees what is not proved: a test that failed, was skipped, or is not there. TAP.

# shellcheck disable=SC2016 # names are between backquotes
set -uo pipefail
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
n=0 failed=0

# ok WHAT NAME PATTERN: a document that names a test is judged so that PATTERN is printed
ok()
{
	n=$((n + 1))
	echo "$2" >"$TMP/doc.rst"
	tools/check/features "$TMP/doc.rst" "$TMP/check" >"$TMP/log" 2>&1
	if grep -qE "$3" "$TMP/log"; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		failed=1
	fi
}

mkdir -p "$TMP/check"/{host,vm/vm,smp/vm}
printf '%s\n' 'ok 1 a.one' 'not ok 2 a.two' 'ok 3 a.x.many' 'ok 4 a.y.many # SKIP no' 'ok 5 a.three # SKIP no' \
	>"$TMP/check/vm/vm/loom_a.log"
printf '%s\n' 'ok 1 a.one' 'ok 2 a.two' 'ok 3 a.x.bad' 'not ok 4 a.y.bad' >"$TMP/check/smp/vm/loom_a.log"
echo '1 0 0 host/doc.sh' >"$TMP/check/host/tally"
echo '1 0 0 vm/doc.sh' >"$TMP/check/vm/tally"
echo '3 1 0 smp/loom_a' >"$TMP/check/smp/tally"

echo "TAP version 13"
echo "1..10"
ok "a test that passed" ':test:`loom_a:a.one`' '^ok 1 - loom_a:a.one$'
ok "one with variants, one of them skipped" ':test:`loom_a:a.many`' '^ok 1 '
ok "a whole program" ':test:`doc.sh`' '^ok 1 '
ok "a whole program of which a test failed" ':test:`loom_a`' '^not ok 1 .*failed'
ok "one that failed in another lane" ':test:`loom_a:a.two`' '^not ok 1 .*failed'
ok "one that failed in a variant" ':test:`loom_a:a.bad`' '^not ok 1 .*failed'
ok "one that was skipped" ':test:`loom_a:a.three`' '^not ok 1 .*skipped'
ok "one that is nowhere" ':test:`loom_a:a.four`' '^not ok 1 .*absent'
ok "a program that is nowhere" ':test:`loom_b:a.one`' '^not ok 1 .*absent'
ok "a KUnit case that is nowhere" ':test:`kunit.sh:no_such_case`' '^not ok 1 .*absent'
exit $failed
