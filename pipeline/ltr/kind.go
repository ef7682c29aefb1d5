package ltr

import (
	"context"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/pipeline/kind"
)

// settings are what a configuration file says of a stage.
type settings struct {
	File string `config:"file,value,required" doc:"the model, as ltr.Model.Write saved it"`
	Name string `config:"name" doc:"names the stage in marks and trees; empty means ltr"`
}

// Kind is the stage for configuration files: "ltr". Its features are the built-in
// ones that the model names.
var Kind = kind.New("ltr", "Ranks by a model that was learnt from judgements.",
	func(_ context.Context, s settings, scope *kind.Scope) (pipeline.Stage, error) {
		model, err := Open(scope.Path(s.File))
		if err != nil {
			return nil, err
		}
		return Stage(model, Options{Name: s.Name}), nil
	})
