// Package version says which build of a program this is, for its flag -version.
package version

import (
	"runtime/debug"
	"strings"
)

// String returns one line: the program, the version of the module, the commit with
// its time where it is known and whether files were changed since, and the version
// of Go. "go install" of a released version gives the version alone, a build in a
// clone gives the commit, and a build without either says "(devel)".
func String(program string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return Of(program, info)
}

// Short is the version of the module alone, for protocols that want one.
func Short() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// Of is String for given facts.
func Of(program string, info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	parts := []string{program, version}
	if revision := settings["vcs.revision"]; revision != "" {
		parts = append(parts, "commit "+revision[:min(12, len(revision))])
		if at := settings["vcs.time"]; at != "" {
			parts = append(parts, "of "+at)
		}
		if settings["vcs.modified"] == "true" {
			parts = append(parts, "with changes")
		}
	}
	if info.GoVersion != "" {
		parts = append(parts, info.GoVersion)
	}
	return strings.Join(parts, " ")
}
