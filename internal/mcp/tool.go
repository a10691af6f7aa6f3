package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/botsync/botsync/internal/api"
	"github.com/botsync/botsync/internal/control"
	"github.com/botsync/botsync/internal/root"
	"github.com/botsync/botsync/internal/term"
)

// addTool adds a tool whose schemas follow from In and Out. limits completes the
// schema of the input.
func addTool[In, Out any](s *server, t *mcp.Tool, limits func(map[string]*jsonschema.Schema),
	run func(context.Context, *mcp.CallToolRequest, In) (Out, error)) {
	in, out := schemaOf[In](t.Name), schemaOf[Out](t.Name)
	if limits != nil {
		limits(in.Properties)
	}
	t.InputSchema, t.OutputSchema = in, out
	t.Annotations.Title = t.Title
	mcp.AddTool(s.mcp, t, func(ctx context.Context, req *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
		out, err := run(ctx, req, in)
		if err != nil {
			err = toolError(err)
		}
		return nil, out, err
	})
}

func schemaOf[T any](tool string) *jsonschema.Schema {
	schema, err := jsonschema.ForType(reflect.TypeFor[T](), &jsonschema.ForOptions{
		TypeSchemas: map[reflect.Type]*jsonschema.Schema{reflect.TypeFor[time.Time](): {Type: "string", Format: "date-time"}},
	})
	if err != nil {
		panic(fmt.Errorf("making a schema of %s: %w", tool, err)) // a mistake in this package
	}
	never(schema)
	return schema
}

// never takes null out of a schema: what is a pointer here is left out where it
// is nil, and no list is null. Some clients know one type for a field only.
func never(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
	for _, p := range s.Properties {
		never(p)
	}
	never(s.Items)
}

// readOnly annotates a tool that changes nothing, and asks nobody but the daemon.
func readOnly() *mcp.ToolAnnotations {
	no := false
	return &mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, DestructiveHint: &no, OpenWorldHint: &no}
}

// additive annotates a tool that adds something, and never takes anything away.
// What it adds reaches other machines.
func additive() *mcp.ToolAnnotations {
	yes, no := true, false
	return &mcp.ToolAnnotations{DestructiveHint: &no, OpenWorldHint: &yes}
}

// reach opens the root and reaches its daemon; the client is to be closed.
func (s *server) reach(ctx context.Context) (*root.Root, *control.Client, error) {
	r, err := s.opts.Root()
	if err != nil {
		return nil, nil, err
	}
	c, err := control.Dial(ctx, r)
	if hasCode(err, api.CodeNotRunning) && s.opts.Start != nil {
		if err := s.opts.Start(ctx, r); err != nil {
			return nil, nil, err
		}
		c, err = control.Dial(ctx, r)
	}
	return r, c, err
}

func asError(err error) (*api.Error, bool) {
	var e *api.Error
	ok := errors.As(err, &e)
	return e, ok
}

func hasCode(err error, code string) bool {
	e, ok := asError(err)
	return ok && e.Code == code
}

// toolError is what a model is told: what happened, what to do next, and the code
// that docs/cli.md lists.
func toolError(err error) error {
	e, ok := asError(err)
	if !ok {
		return err
	}
	text := term.Sentence(term.CleanLines(e.Message)) + "."
	if e.Hint != "" {
		text += " " + term.CleanLines(e.Hint)
	}
	retry := ""
	if e.Retryable {
		retry = ", may succeed later"
	}
	return fmt.Errorf("%s (%s%s)", text, e.Code, retry)
}

func usage(hint, format string, args ...any) error {
	return api.Errorf(api.CodeUsage, hint, format, args...)
}

// The limits of schemas.

func between(s *jsonschema.Schema, low, high, standard int) {
	s.Minimum, s.Maximum = jsonschema.Ptr(float64(low)), jsonschema.Ptr(float64(high))
	s.Default = json.RawMessage(fmt.Sprint(standard))
}

func longest(s *jsonschema.Schema, n int) { s.MaxLength = jsonschema.Ptr(n) }
