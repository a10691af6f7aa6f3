package control

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/botsync/botsync/internal/api"
)

// readJSON reads the one JSON value that a request carries.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	const hint = "Send one JSON object."
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return api.Errorf(api.CodeUsage, hint, "the request is not application/json")
	}
	ctl := http.NewResponseController(w)
	_ = ctl.SetReadDeadline(time.Now().Add(readPatience))
	dec := json.NewDecoder(r.Body)
	err := dec.Decode(into)
	if err == nil {
		if _, more := dec.Token(); more == nil {
			err = errors.New("there is more than one value")
		} else if !errors.Is(more, io.EOF) {
			err = more
		}
	}
	if err != nil {
		return api.Errorf(api.CodeUsage, hint, "reading the request: %v", err)
	}
	// From here on a read only notices that the client is gone, and may wait.
	_ = ctl.SetReadDeadline(time.Time{})
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writePatience))
	w.WriteHeader(status)
	if err := encoder(w).Encode(v); err != nil {
		slog.Debug("answering a request of the local API", "error", err)
	}
}

func writeError(w http.ResponseWriter, err error) {
	e := asError(err)
	writeJSON(w, httpStatus(e.Code), api.ErrorReply{Schema: api.Schema, Error: e})
}

// asError makes every error one that a user can be shown.
func asError(err error) *api.Error {
	var e *api.Error
	if errors.As(err, &e) {
		return e
	}
	return api.Errorf(api.CodeUnexpected, "The daemon's log may say more.", "%v", err)
}

// httpStatus is for readers of a network trace; the client goes by the code.
func httpStatus(code string) int {
	switch code {
	case api.CodeUsage, api.CodeBadCode, api.CodeBadConfig:
		return http.StatusBadRequest
	case api.CodeForbidden:
		return http.StatusForbidden
	case api.CodeCodeUnknown:
		return http.StatusNotFound
	case api.CodeInNetwork, api.CodeJoining, api.CodeRefused, api.CodeProtocol, api.CodeNoNetwork, api.CodeLastPeer,
		api.CodeExists, api.CodeRemoved, api.CodeRestarting:
		return http.StatusConflict
	case api.CodeUnreachable:
		return http.StatusBadGateway
	case api.CodeTimeout:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// encoder writes one value a line, with < and > as they are: this is no web page.
func encoder(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc
}

// stream writes lines, each at once.
type stream struct {
	w   http.ResponseWriter
	ctl *http.ResponseController
}

// openStream answers with the header alone, so that the client knows that it is
// being listened to.
func openStream(w http.ResponseWriter) *stream {
	s := &stream{w, http.NewResponseController(w)}
	w.Header().Set("Content-Type", "application/jsonl")
	_ = s.ctl.SetWriteDeadline(time.Now().Add(writePatience))
	w.WriteHeader(http.StatusOK)
	_ = s.ctl.Flush()
	return s
}

func (s *stream) line(v any) error {
	// A reader that takes nothing for this long is dropped.
	_ = s.ctl.SetWriteDeadline(time.Now().Add(writePatience))
	if err := encoder(s.w).Encode(v); err != nil {
		return err
	}
	return s.ctl.Flush()
}
