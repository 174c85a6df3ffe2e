# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the lanes share: counting what a test printed, and saying what failed.

# count_tap LOG STATUS: prints "passed failed skipped". A plan that was not met, or an exit status that the
# lines do not explain, is a failure; a test without TAP is one test, judged by its exit status (4: skipped).
count_tap()
{
	awk -v status="$2" '
	/^1\.\.[0-9]+/ { plan += substr($1, 4) }
	/^ok / { if (/# *SKIP/) skipped++; else passed++ }
	/^not ok / { if (/# *TODO/) skipped++; else failed++ }
	END {
		lines = passed + failed + skipped
		if (!lines && !plan) { passed = status == 0; skipped = status == 4; failed = status != 0 && status != 4 }
		if (plan > lines && lines + plan) failed += plan - lines
		if (!failed && status != 0 && status != 4) failed = 1
		print passed + 0, failed + 0, skipped + 0
	}' "$1"
}

# judge NAME LOG STATUS: one line for the reader, and the counts for the tally of the lane
judge()
{
	local passed failed skipped
	read -r passed failed skipped < <(count_tap "$2" "$3")
	echo "$passed $failed $skipped $1" >>"$TALLY"
	if [ "$failed" = 0 ]; then
		printf '  PASS    %s: %s%s\n' "$1" "$passed" "${skipped:+$( [ "$skipped" = 0 ] || echo " ($skipped skipped)")}"
		return
	fi
	printf '  FAIL    %s: %s of %s, status %s (log: %s)\n' "$1" "$failed" $((passed + failed)) "$3" "$2"
	grep -E '^not ok ' "$2" | head -n 20 || tail -n 20 "$2"
}
