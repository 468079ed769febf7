/** The look of the page: colours for light and dark, and never colour alone to tell a broken link. */
export const reachStyle = `:root{color-scheme:light dark;--paper:#fff;--panel:#f6f8fa;--line:#d0d7de;--ink:#1f2328;--soft:#59636e;--bad:#c4212d;--bad-soft:#ffebe9;--good:#1a7f64;--good-soft:#dff5ec;--odd:#8a5a00;--odd-soft:#fff3d1;--link:#0757ba}
@media(prefers-color-scheme:dark){:root{--paper:#0d1117;--panel:#161b22;--line:#343b45;--ink:#e6edf3;--soft:#9aa4af;--bad:#ff7b72;--bad-soft:#3c1618;--good:#4cc9a0;--good-soft:#10322a;--odd:#e3b341;--odd-soft:#33270a;--link:#79b8ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1060px;padding:36px 24px 64px;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:26px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}
h2{font-size:18px;margin:40px 0 12px}
p{margin:0 0 10px}
a{color:var(--link);text-underline-offset:2px}
.summary{color:var(--soft);margin-bottom:20px}
.verdict{font-size:17px;font-weight:600}
.verdict.broken{color:var(--bad)}
.verdict.open{color:var(--good)}
.frame{border:1px solid var(--line);border-radius:14px;padding:16px 12px 8px;overflow-x:auto}
.picture{display:block;width:100%;min-width:760px;height:auto;font-family:inherit}
.legend{display:flex;flex-wrap:wrap;gap:6px 22px;margin:12px 2px 0;padding:0;list-style:none;color:var(--soft);font-size:13px}
.legend svg{width:34px;height:12px;vertical-align:-1px;margin-right:7px}
.side{font-size:11px;font-weight:600;letter-spacing:.08em;text-transform:uppercase;fill:var(--soft)}
.namespace{font-size:13px;font-weight:600;fill:var(--soft)}
.node rect{fill:var(--panel);stroke:var(--line)}
.node circle{fill:none;stroke:var(--soft);stroke-width:2}
.node.yes circle{fill:var(--good);stroke:var(--good)}
.node.unknown circle{stroke-dasharray:3 2}
.name{font-size:14.5px;font-weight:600;fill:var(--ink)}
.kind{font-size:12px;fill:var(--soft)}
.wire path{fill:none;stroke:var(--good);stroke-width:2}
.wire path.head{fill:var(--good)}
.wire.broken path{stroke:var(--bad);stroke-width:3.5;stroke-dasharray:9 6}
.wire.broken path.head{fill:var(--bad)}
.wire.mesh-only path{stroke:var(--odd);stroke-dasharray:2 5;stroke-linecap:round;stroke-width:3}
.wire.mesh-only path.head{fill:var(--odd)}
.wire.unserved path,.wire.closed path{stroke:var(--soft);stroke-dasharray:3 4}
.wire.unserved path.head,.wire.closed path.head{fill:var(--soft)}
.wire.wire path.head{stroke:none}
.label text{font-size:12.5px;font-weight:600;text-anchor:middle;fill:var(--good)}
.label rect{fill:var(--paper);stroke:var(--good)}
.label.broken rect{fill:var(--bad-soft);stroke:var(--bad);stroke-width:1.5}
.label.broken text{fill:var(--bad)}
.label.mesh-only rect{stroke:var(--odd);fill:var(--odd-soft)}
.label.mesh-only text{fill:var(--odd)}
.label.unserved rect,.label.closed rect{stroke:var(--line)}
.label.unserved text,.label.closed text{fill:var(--soft);font-weight:400}
.card{border:1px solid var(--line);border-left:5px solid var(--bad);border-radius:10px;padding:14px 18px 8px;margin:0 0 14px;overflow-wrap:anywhere}
.card:target{box-shadow:0 0 0 3px var(--bad-soft)}
.card h3{font-size:15.5px;margin:0 0 4px}
.card ul{margin:6px 0 8px;padding-left:20px}
code,.place{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{color:var(--soft);font-weight:600;text-align:left}
th,td{border-bottom:1px solid var(--line);padding:7px 14px 7px 0;vertical-align:top;overflow-wrap:anywhere}
td.broken{color:var(--bad);font-weight:600;white-space:nowrap}
td.open{color:var(--good)}
td.mesh-only{color:var(--odd)}
.remarks{color:var(--soft);font-size:14px;overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0}.frame,.card{break-inside:avoid}}`
