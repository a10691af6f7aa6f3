package meeting

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/botsync/botsync/internal/meeting/relayurl"
)

// LookRelay asks whether there is a pairing relay at a URL. It opens no meeting: the
// request is one for the label of nobody, without the upgrade that would begin
// one. The error says what is in the way, in words.
func LookRelay(ctx context.Context, rawURL string) error {
	u, err := relayurl.Parse(rawURL)
	if err != nil {
		return err
	}
	t := newRelayTransport(u)
	defer t.close()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.JoinPath("v1", "meet", strings.Repeat("0", 64)).String()+"?as=guest", nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "botsync")
	resp, err := t.client.Do(req)
	if err != nil {
		return explain(err, nil)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	if resp.StatusCode == http.StatusUpgradeRequired && resp.Header.Get(relayHeader) != "" {
		return nil
	}
	if err := explainAnswer(resp); !errors.Is(err, errNobodyThere) {
		return err
	}
	return nil
}
