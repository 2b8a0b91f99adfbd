#!/bin/sh
# Run cmocka programs. With T set, only the tests whose name contains it.
set -u
failed=0
for program in "$@"; do
	CMOCKA_TEST_FILTER="${T:+*$T*}" CMOCKA_MESSAGE_OUTPUT=stdout "$program" || failed=1
done
exit $failed
