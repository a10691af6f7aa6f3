package ignores

import (
	"strings"
	"sync"
)

// defaultPatterns are what no device syncs unless the folder says otherwise. What
// ordinary work is called is not among them: build, dist, target, vendor, *.key (a
// presentation), *.pem (certificates), CVS.
//
// Those of one list stay where they are, or go (?d), when a peer deletes the
// directory around them.
var defaultPatterns = []struct {
	class    Class
	goes     bool // with the directory
	patterns string
}{
	{VCS, false, `.git .hg .svn .jj .bzr .pijul .sl _darcs .fslckout _FOSSIL_`},
	{Secret, false, `.env ` +
		`id_rsa id_dsa id_ecdsa id_ecdsa_sk id_ed25519 id_ed25519_sk *.ppk *.pfx *.p12 ` +
		`privkey*.pem private.pem private_key.pem private-key.pem key.pem *-key.pem *_key.pem *_rsa.pem ` +
		`private.key server.key client.key tls.key ca.key master.key ` +
		`.aws/credentials .azure/accessTokens.json .config/gcloud .config/gh/hosts.yml .docker/config.json .dockercfg .kube/config kubeconfig ` +
		`.ssh .gnupg .netrc _netrc .npmrc .pypirc .pgpass .my.cnf .git-credentials .vault-token .htpasswd .s3cfg .boto rclone.conf ` +
		`credentials.tfrc.json application_default_credentials.json service-account*.json service_account*.json client_secret*.json`},
	{Dependencies, true, `node_modules bower_components .pnpm-store`},
	{VirtualEnv, true, `.venv venv .virtualenv .tox .nox`},
	{Cache, true, `__pycache__ *.pyc .pytest_cache .mypy_cache .ruff_cache .hypothesis .ipynb_checkpoints .cache .npm .parcel-cache .turbo ` +
		`.eslintcache .nyc_output .sass-cache .gradle .terraform .dart_tool .next .nuxt .svelte-kit .angular`},
	{System, true, `.DS_Store ._* .AppleDouble .Spotlight-V100 .fseventsd .TemporaryItems Thumbs.db ehthumbs.db desktop.ini .nfs* .fuse_hidden*`},
	{System, false, `.Trash .Trashes .Trash-* .DocumentRevisions-V100 $RECYCLE.BIN lost+found`},
	// Not what goes: it may hold what was never saved.
	{Editor, false, `?*~ *.swp *.swo .#* #*# ~$* .~lock.*#`},
	{Partial, false, `*.part *.partial *.crdownload *.download *.opdownload *.filepart *.aria2 *.!ut`},
}

// notSecret are the ends of the .env files that are made to be shared.
const notSecret = "example,sample,template,dist,defaults"

// defaults are the rules of defaultPatterns, in their order.
var defaults = sync.OnceValue(readDefaults)

func readDefaults() []*Rule {
	var out []*Rule
	add := func(class Class, goes bool, shown string, lines ...string) {
		r := &Rule{Pattern: shown, Class: class, Deletable: goes}
		for _, line := range lines {
			if goes {
				line = "(?d)" + line
			}
			if err := r.add("(?i)" + line); err != nil {
				panic("default pattern " + line + ": " + err.Error())
			}
		}
		out = append(out, r)
	}
	for _, list := range defaultPatterns {
		for _, p := range strings.Fields(list.patterns) {
			add(list.class, list.goes, p, p)
		}
		if list.class == Secret {
			add(Secret, false, ".env.*", "!.env.{"+notSecret+"}", ".env.*")
			out[len(out)-1].apart = true
		}
	}
	// A name with a space.
	add(System, false, "System Volume Information", "System Volume Information")
	return out
}
