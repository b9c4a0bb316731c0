"""JetStream: streams, buckets, consumers; one way to read a stream for each purpose.

| purpose | function | reason |
| --- | --- | --- |
| A service recovers a run, or follows it | `audit_log.read`, `audit_log.follow` | An ordered push consumer asks the leader and keeps up with a busy log. |
| A service looks up the newest event of a subject | `audit_log.last_event` | One request to any replica, no consumer. |
| A person reads or follows a run | `run_reader.events`, `run_reader.follow` | Stored pages only: readers may make no consumer (decision 0016). |
| A person looks up the newest event, the runs, the journal | `run_reader.newest`, `openings`, `remains`, `history` | The same single request, with gaps reported. |
| The ledger reads its journal back | `state_store.history` | The bucket's leader, through the library's ordered consumer. |
| A service keeps a snapshot, and reads it back | `key_table.BucketKeyTable` | One key each, replaced by who knows its revision. |
| A work queue delivers orders to a book | `ordered_push.OrderedPush` | Push with acknowledgement; a lost delivery is noticed by its number. |
| Any stream, read seldom or polled | `direct_get.each`, `direct_get.batch_get` | Stored pages without a consumer; all of the above for readers rests on it. |
| One message by place, or the newest by pattern, for certain | `direct_get.get`, `direct_get.get_last` | Only the leader knows the newest. |
| The long text of a call is stored and read back | `text_store.BucketTextStore` | One message under its digest; any replica answers. |
| The newest by pattern, or the next from a place, possibly a moment old | `direct_get.direct_get_last`, `direct_get_next` | Any replica answers; the one request readers have. |
| Configuration, state and counts of a stream | `provision.plan`, `depth`, `ends`, `subject_counts` | JetStream's API, through `provision.request`. |
"""
