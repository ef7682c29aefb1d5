package nebius

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/rankcascade/cascade/reranker"
)

// Models asks which models the server has and returns their names in its order.
// Errors are those of Score; a dialect without such a route gives one of kind
// config.
func (c *Client) Models(ctx context.Context) (names []string, err error) {
	defer guard("nebius: models", &err)
	if ctx.Err() != nil {
		return nil, canceled(ctx, "nebius: models")
	}
	if c.core.endpoint.models == "" {
		return nil, configError("models", errors.New("the dialect has no route that lists models"))
	}
	a := &attempt{c: c, ctx: ctx}
	body, err := a.list()
	if err != nil {
		var e *reranker.Error
		if errors.As(err, &e) {
			e.Op = "nebius: models"
		}
		return nil, err
	}
	return body, nil
}

func (a *attempt) list() ([]string, error) {
	ctx, cancel := a.ctx, context.CancelFunc(func() {})
	if d := a.c.timeout(); d > 0 {
		ctx, cancel = context.WithTimeout(ctx, d)
	}
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.c.core.endpoint.models, nil)
	if err != nil {
		return nil, configError("models", errors.New("the request's address cannot be used"))
	}
	a.c.authorize(req)
	res, err := a.c.core.http.Do(req)
	if err != nil {
		return nil, a.unanswered(ctx, err)
	}
	defer a.c.core.release()
	defer func() { _ = res.Body.Close() }()
	a.note(res)
	if res.StatusCode/100 != 2 {
		return nil, a.refusal(ctx, res)
	}
	body, err := readBody(res, nil, a.c.options.limitFor(16<<20))
	if err != nil {
		return nil, a.unanswered(ctx, err)
	}
	names, ok := modelNames(body)
	if !ok {
		return nil, a.protocol("the answer is no list of models")
	}
	return names, nil
}

// modelNames reads the lists of OpenAI's form, of Cohere's, and TEI's one model.
func modelNames(body []byte) ([]string, bool) {
	type named struct{ ID, Name string }
	var list struct {
		Data    []named
		Models  []named
		ModelID string `json:"model_id"`
	}
	if json.Unmarshal(body, &list) != nil {
		var bare []named
		if json.Unmarshal(body, &bare) != nil {
			return nil, false
		}
		list.Data = bare
	}
	all := list.Data
	if all == nil {
		all = list.Models
	}
	names := make([]string, 0, len(all)+1)
	for _, m := range all {
		if n := printable(firstOf(m.ID, m.Name), 200); n != "" {
			names = append(names, n)
		}
	}
	if list.ModelID != "" {
		names = append(names, printable(list.ModelID, 200))
	}
	return names, all != nil || len(names) > 0
}

// Check asks whether the server is there, takes the key and has the model,
// without scoring anything. A model that is missing is an error of kind
// model_not_found that names models that look like rerankers. Dialects whose
// requests name no model are not checked for one.
func (c *Client) Check(ctx context.Context) error {
	names, err := c.Models(ctx)
	if err != nil {
		return err
	}
	if c.core.wire.ModelKey == "" || slices.Contains(names, c.core.model) {
		return nil
	}
	var near []string
	for _, n := range names {
		if strings.EqualFold(n, c.core.model) || strings.Contains(strings.ToLower(n), "rerank") {
			near = append(near, n)
		}
	}
	said := "model " + quoted(c.core.model) + " is not among the models of the server; names are case-sensitive"
	if len(near) > 0 {
		said += "; rerankers there: " + strings.Join(near[:min(len(near), 5)], ", ")
	} else {
		said += ", and none of them looks like a reranker"
	}
	return &reranker.Error{Kind: reranker.KindModelNotFound, Op: "nebius: check", Message: c.core.redactor.text(said, maxMessage)}
}
