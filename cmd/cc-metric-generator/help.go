package main

// help returns the text of -h.
func help() string {
	return `cc-metric-generator sends the load of a cluster's metric collectors.

usage: cc-metric-generator -history 24h | -live [flags]

What is sent
  -clusters alex,fritz   clusters, of those two
  -hosts 0               hosts in each cluster: the first N documented ones, then invented
                         ones (n0001, …); 0 is the documented 81 and 64
  -scopes node,socket,hwthread,accelerator
                         scopes to send; memoryDomain (alex only) can be added
  -quotients 0           share of the series, whole metrics at a time (ipc and the network's
                         first), that are quotients of counters and use all digits, as some
                         collectors send rates; all others are random walks of 0 to 6 decimals
                         or constant
  -message host          one message for each host and tick, or one for all hosts of a
                         cluster, cut at line borders to the largest that the target takes
  -seed N                the same seed gives the same value for a host, series and tick;
                         otherwise a random seed is used and printed

When
  -history D             send the past D as fast as the target takes it, then end
  -end T                 the history's last tick in Unix seconds (default: now)
  -live                  send one tick every interval; with -history, the past comes first
  -duration 0            how long to go on live; 0 is until interrupted
  -interval 60s          time between two ticks, in whole seconds
  -rate 0                limit of samples per second; 0 is none

Where
  -url nats://127.0.0.1:4222
                         nats:// or tls:// (several with commas; user:password@ is taken),
                         http:// or https:// for POST /api/write, or - for standard output
  -connections 1         connections to use at the same time
  -give-up 1m            how long to repeat what failed before the run ends
  NATS:
  -subject hpc-nats      subject to publish on
  -mode core             core publishes without acknowledgement; jetstream waits for every
                         acknowledgement and sends again what was not acknowledged
  -username U -password P, -creds FILE
                         credentials
  HTTP:
  -jwt TOKEN, -jwt-file FILE
                         bearer token

  -h                     this text

Examples
  A day of both clusters, every message acknowledged:
    cc-metric-generator -history 24h -mode jetstream
  An hour of four nodes by REST, then one tick every ten seconds until interrupted:
    cc-metric-generator -url http://127.0.0.1:8080 -clusters fritz -hosts 4 \
        -interval 10s -history 1h -live
  What a message looks like:
    cc-metric-generator -url - -clusters alex -hosts 1 -history 1m -seed 1

The summary goes to standard output (to standard error with -url -), all else to standard
error. Exit status: 0 if everything was accepted, 1 if not, 2 for wrong flags.
`
}
