#!/usr/bin/env bash
# csvkit 2.2.0 with agate 1.14.2: sorting a table of trades turns quantities into False and True, and names into dates and numbers.
# Guess: `csvsort` puts rows into another order and leaves the cells as they were; a type that is guessed decides the order alone.
# Seen: a column of 0 and 1, units that were filled, is written as False and True; a seller called `may` is 0001-05-01, a lot `007` is
# 7, and a note `5 min` is 0:05:00; the column `NA`, a currency or a country, is empty. One 2 among the quantities and all are numbers: what a
# batch looks like depends on what was in it. `--no-inference` with `--blanks` leaves the cells alone, and then 10 sorts before 9.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq csvkit==2.2.0 agate==1.14.2
venv/bin/csvsort --version
cat >trades.csv <<'CSV'
tick,filled,seller,lot,after,zone
10,1,may,007,5 min,NA
9,0,june,010,1 hour,NA
CSV
sed 's/^10,1/10,2/' trades.csv >larger.csv
sort_by_tick() {
    venv/bin/csvsort -c tick "$@" | tee sorted.txt
}
sort_by_tick trades.csv
diff sorted.txt - <<'CSV'
tick,filled,seller,lot,after,zone
9,False,0001-06-01,10,1:00:00,
10,True,0001-05-01,7,0:05:00,
CSV
sort_by_tick larger.csv
diff <(cut -d , -f 2 sorted.txt) <(printf '%s\n' filled 0 2)
sort_by_tick --no-inference --blanks trades.csv
diff sorted.txt trades.csv
