package version_test

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rankcascade/cascade/internal/version"
)

func TestAVersionNamesReleaseCommitAndGo(t *testing.T) {
	t.Parallel()
	settings := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-11-26T18:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}
	for want, info := range map[string]*debug.BuildInfo{
		"gateway (devel)":       {},
		"gateway v1.2.3 go1.26": {Main: debug.Module{Version: "v1.2.3"}, GoVersion: "go1.26"},
		"gateway v0.0.0 commit 0123456789ab of 2026-11-26T18:00:00Z with changes": {Main: debug.Module{Version: "v0.0.0"}, Settings: settings},
		"gateway (devel) commit 0123456789ab":                                     {Settings: settings[:1]},
		"gateway (devel) commit 01":                                               {Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "01"}}},
		"gateway (devel) commit 0123456789ab of 2026-11-26T18:00:00Z":             {Settings: settings[:2]},
	} {
		assert.Equal(t, want, version.Of("gateway", info))
	}
}

func TestThisBuildHasAVersion(t *testing.T) {
	t.Parallel()
	assert.Contains(t, version.String("gateway"), "gateway ")
	assert.NotEmpty(t, version.Short())
}
