package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/rankcascade/cascade/fusion"
	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// choices are combinators that decide by the query or by what was found.
func choices() []kind.Kind {
	return []kind.Kind{
		kind.New("guard", "A permission: nothing inside finds what the filter does not match.", func(_ context.Context, o struct {
			Filter    pipeline.Filter    `config:"filter,required" doc:"holds for everything inside, beside the query's own"`
			Retriever pipeline.Retriever `config:"retriever,required" doc:"what is guarded"`
		}, _ *kind.Scope) (pipeline.Retriever, error) {
			allowed := func(context.Context, pipeline.Query) (pipeline.Filter, error) { return o.Filter, nil }
			return pipeline.Guard(o.Retriever, allowed), nil
		}),
		kind.New("route", "The first retriever whose pattern the question matches.", buildRoute),
		kind.New("otherwise", "A retriever, and another one where what it finds is not good enough.", buildOtherwise),
		kind.New("unless-clear", "A stage that is left out where the first hit is far ahead already.", func(_ context.Context, o struct {
			Lead  float64        `config:"lead,required" doc:"the distance of the first two scores from which on the first is clear"`
			Stage pipeline.Stage `config:"stage,required" doc:"the stage that is meant"`
		}, _ *kind.Scope) (pipeline.Stage, error) {
			if o.Lead <= 0 {
				return nil, fmt.Errorf("lead is %v: set a distance of scores above 0", o.Lead)
			}
			unclear := func(_ pipeline.Query, r pipeline.Ranking) bool {
				return len(r.Hits) < 2 || r.Hits[0].Score-r.Hits[1].Score < o.Lead
			}
			return pipeline.Gate(unclear, o.Stage), nil
		}),
	}
}

// way is one of the ways of a route.
type way struct {
	Match     string             `config:"match,required" doc:"a regular expression (RE2) that the question matches, such as ^[A-Z]+-[0-9]+$"`
	Retriever pipeline.Retriever `config:"retriever,required" doc:"what is asked then"`
}

func buildRoute(_ context.Context, o struct {
	Ways      []way              `config:"ways,required" doc:"patterns with their retrievers; the first that matches is taken"`
	Otherwise pipeline.Retriever `config:"otherwise,required" doc:"what is asked if no pattern matches"`
}, _ *kind.Scope) (pipeline.Retriever, error) {
	if len(o.Ways) == 0 {
		return nil, errors.New("ways is empty: write at least one {match: PATTERN, retriever: PART}")
	}
	routes := map[string]pipeline.Retriever{"": o.Otherwise}
	patterns := make([]*regexp.Regexp, len(o.Ways))
	for i, w := range o.Ways {
		p, err := regexp.Compile(w.Match)
		if err != nil {
			return nil, fmt.Errorf("ways[%d].match is no regular expression: %w", i, err)
		}
		if _, twice := routes[w.Match]; twice {
			return nil, fmt.Errorf("ways[%d].match is %q, which is empty or stands there twice: the second is never asked", i, w.Match)
		}
		patterns[i], routes[w.Match] = p, w.Retriever
	}
	return pipeline.Route(func(q pipeline.Query) string {
		for _, p := range patterns {
			if p.MatchString(q.Text) {
				return p.String()
			}
		}
		return ""
	}, routes), nil
}

func buildOtherwise(_ context.Context, o struct {
	Hits        int                `config:"hits" doc:"so many hits are good enough; 0 means 1"`
	Scale       string             `config:"scale" doc:"the scale of score"`
	Score       *float64           `config:"score" doc:"the first hit must have at least this score on the scale"`
	Retriever   pipeline.Retriever `config:"retriever,required" doc:"what is asked first"`
	Alternative pipeline.Retriever `config:"alternative,required" doc:"what is asked where that is not good enough"`
}, _ *kind.Scope) (pipeline.Retriever, error) {
	scale := pipeline.Unknown
	switch {
	case (o.Score == nil) != (o.Scale == ""):
		return nil, errors.New("score and scale belong together: set both or none")
	case o.Hits < 0:
		return nil, fmt.Errorf("hits is %d: set 1 or more", o.Hits)
	case o.Score != nil:
		var err error
		if scale, err = scaleOf(o.Scale); err != nil {
			return nil, err
		}
	}
	enough := func(_ pipeline.Query, r pipeline.Ranking) bool {
		if len(r.Hits) < max(1, o.Hits) {
			return false
		}
		return o.Score == nil || r.Scale == scale && r.Hits[0].Judged() && r.Hits[0].Score >= *o.Score
	}
	return pipeline.Otherwise(enough, o.Retriever, o.Alternative), nil
}

// calibrations are what turns scores into probabilities.
func calibrations() []kind.Kind {
	return []kind.Kind{
		kind.New("calibration", "A calibration that was saved as JSON.", func(_ context.Context, o struct {
			File  string `config:"file,value,required" doc:"the file, as the calibration marshals itself"`
			Model string `config:"model" doc:"the model that it must belong to; empty takes the file's word"`
		}, s *kind.Scope) (fusion.Calibration, error) {
			text, err := os.ReadFile(s.Path(o.File))
			if err != nil {
				return fusion.Calibration{}, err
			}
			return fusion.LoadCalibration(text, o.Model)
		}),
	}
}
