// Command gateway serves POST /v1/rerank in front of one or more rerank servers:
// it splits large calls into shards, spreads them over the upstreams, retries,
// hedges and keeps to limits, so that programs in any language get what package
// reranker does.
//
//	go run ./examples/gateway -listen 127.0.0.1:8080 -upstream http://127.0.0.1:8012 -model bge-reranker-v2-m3 -dialect llama.cpp
//	curl -s 127.0.0.1:8080/v1/rerank -H 'Content-Type: application/json' -d '{"model":"bge-reranker-v2-m3","query":"panda","documents":["a bear","a tree"]}'
//
// With -partial fail one document without a score makes the call an error of the
// contract's form, {"detail": ...}. With -partial omit such documents are left
// out of the results, and the header X-Rerank-Unscored counts them. Every answer
// says in X-Rerank-Mode whether it is full, partial or failed, and in
// X-Rerank-Attempts how many calls it took.
//
// user, service_tier and ai_project_id of a request go on to the upstream where
// its dialect knows them; -pass says which of them may. Clients that speak Cohere
// v2 ask at /v2/rerank, those of text-embeddings-inference at /rerank.
//
// Every answer has an X-Request-Id; with -log it is written beside the ids that
// the upstreams gave. Web pages are refused unless -origins names theirs.
//
// With -redis several gateways of the same upstreams keep to one quota, hold together
// after a refusal, and know each other's scores; README.md has an example. Whoever may
// call one of them then shares scores with who may call the others. Beside -config the
// file says what is shared, by parts of the kinds redis-quotas and redis-scores, which
// take the URL of -redis where the file has none.
//
// GET /healthz tells that the gateway runs; GET /readyz, that a balancer may send calls:
// from SIGTERM on it says no, and -drain is how long calls are still taken. GET /metrics counts in the text form
// of Prometheus: answers and documents under "rerank_", attempts, upstream calls
// and the breaker under "cascade_", as package otel measures them. SIGTERM and SIGINT stop it after the calls under way. A caller
// who hangs up cancels the calls made for it.
//
// Keys come from environment variables whose names are given by flags, so that
// they appear in no process list.
package main
