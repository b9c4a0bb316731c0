#!/usr/bin/env bash
# hledger 1.25 with ledger 3.3.0 beside it (both of Debian 12): a thousand credits with a comma are one credit, in a file in which
# 1,500.50 is read as meant.
# Guess: ledger and hledger read one file alike; the marks of a commodity are found from all its amounts, as the number of its digits is;
# what stays unclear is refused.
# Seen: for 1,000 CR and 1,500.50 CR ledger says 2,500.50, hledger 1,501.500: each amount is read for itself, and a single comma
# is a decimal mark. All transactions balance, so nothing warns, and the third digit in the sum is all that can be seen. With
# `commodity 1,000.00 CR` at the head of the file both say 2,500.50. Journals that a program writes go without such marks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq hledger=1.25-2+b5 ledger=3.3.0-3 libboost-python1.74.0 libboost-regex1.74.0 libboost-filesystem1.74.0 \
    libboost-iostreams1.74.0 2>apt.log
for package in *.deb; do dpkg -x "$package" root; done
export LD_LIBRARY_PATH=root/usr/lib/ledger:root/usr/lib/x86_64-linux-gnu
cat >sales.journal <<'JOURNAL'
2026-01-01 sale
    assets:till    1,000 CR
    income

2026-01-02 sale
    assets:till    1,500.50 CR
    income
JOURNAL
{ echo "commodity 1,000.00 CR"; echo; cat sales.journal; } >declared.journal
root/usr/bin/hledger --version
root/usr/bin/ledger --version | head -n 1
total() {
    "root/usr/bin/$1" -f "$2" balance assets | awk 'NR == 1 { print $1 }'
}
for journal in sales declared; do
    echo "$journal: ledger $(total ledger $journal.journal), hledger $(total hledger $journal.journal)"
done
test "$(total ledger sales.journal)" = 2,500.50
test "$(total hledger sales.journal)" = 1,501.500
test "$(total hledger declared.journal)" = 2,500.50
