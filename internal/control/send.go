package control

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/botsync/botsync/internal/api"
)

// maxSend bounds a request that names files, in bytes.
const maxSend = 16 << 20

func (h *handler) send(w http.ResponseWriter, r *http.Request) {
	var req api.SendRequest
	if !h.request(w, r, &req, &req.Timeout) {
		return
	}
	s := openStream(w)
	line, err := h.b.Send(r.Context(), req, func(l api.SendLine) {
		l.Schema = api.Schema
		_ = s.line(l) // a client that is gone ends the request's context
	})
	if s.failed(r, err) {
		return
	}
	// The client has each file already.
	_ = s.line(api.SentLine{Schema: api.Schema, Type: api.TypeSent, Files: []api.SentFile{}, Bytes: line.Bytes})
}

// Send puts copies of files into a folder. progress may be nil; it is told of
// each file that is in place, and of each that a peer has. What is in place is
// returned also with an error.
func (c *Client) Send(ctx context.Context, req api.SendRequest, progress func(api.SendLine)) (*api.SentLine, error) {
	sent := &api.SentLine{Schema: api.Schema, Type: api.TypeSent, Files: []api.SentFile{}}
	at := map[string]int{} // by path
	ended := false
	err := c.lines(ctx, http.MethodPost, "/v1/send", req, func(data []byte) error {
		var line api.SendLine
		if err := json.Unmarshal(data, &line); err != nil {
			return err
		}
		switch line.Type {
		case api.TypeSent:
			ended = true
			return nil
		case api.TypeFile:
			at[line.Path] = len(sent.Files)
			sent.Files = append(sent.Files, api.SentFile{Path: line.Path, Size: line.Size, SHA256: line.SHA256, Receipts: []api.Receipt{}})
			sent.Bytes += line.Size
		case api.TypeReceived:
			if i, ok := at[line.Path]; ok && line.Device != nil {
				sent.Files[i].Receipts = append(sent.Files[i].Receipts, api.Receipt{Device: *line.Device, Time: line.Time})
			}
		}
		if progress != nil {
			progress(line)
		}
		return nil
	})
	if err == nil && !ended {
		err = c.stopped()
	}
	return sent, err
}
