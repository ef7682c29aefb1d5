package trec
