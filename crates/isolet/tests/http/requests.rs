//! What is sent, and what scripts get.

use isolet::{Permissions, Traceparent};

use crate::setup::World;

#[tokio::test]
async fn responses_are_read() {
    let world = World::new().await;
    let rows = [
        (
            "const r = await fetch(base + '/json'); \
             [r.status, r.ok, r.statusText, r.redirected, r.url === base + '/json', r.bodyUsed, await r.json(), r.bodyUsed]",
            r#"[200,true,"OK",false,true,false,{"a":[1,"é"]},true]"#,
        ),
        ("(await (await fetch(base + '/json')).text()).length", "15"),
        ("const b = await (await fetch(base + '/bytes')).arrayBuffer(); [...new Uint8Array(b)]", "[0,255,10]"),
        ("[...await (await fetch(base + '/bytes')).bytes()]", "[0,255,10]"),
        ("await (await fetch(base + '/mark')).text()", "\"a\u{fffd}\""),
        ("const r = await fetch(base + '/json'); await r.text(); await caught(r.json())", r#""TypeError""#),
        (
            "const r = await fetch(base + '/json'), c = r.clone(); [await r.text() === await c.text(), c.url === r.url]",
            "[true,true]",
        ),
        ("const r = await fetch(base + '/status?404'); [r.status, r.ok, await r.text()]", r#"[404,false,"told"]"#),
        ("const r = await fetch(base + '/empty'); [r.status, await r.text()]", r#"[204,""]"#),
        (
            "const { headers } = await fetch(base + '/cookies'); [headers.getSetCookie(), headers.get('X-A'), headers instanceof Headers]",
            r#"[["a=1","b=2"],"1, 2",true]"#,
        ),
        ("(await fetch(base + '/latin')).headers.get('x-latin')", r#""é""#),
        ("await (await fetch(base + '/gzip')).text()", r#""hello, gzip""#),
        ("await (await fetch(base + '/deflate')).text()", r#""hello, deflate""#),
        ("(await fetch(base + '/gzip')).headers.has('content-encoding')", "false"),
        (
            "const r = await fetch(new URL('/say?hi#part', base)); [r.url === base + '/say?hi', await r.text()]",
            r#"[true,"hi"]"#,
        ),
        ("(await fetch(base + '/large?200000', { method: 'HEAD' })).status", "200"),
    ];
    world.check(&world.isolet(), &rows).await;
}

#[tokio::test]
async fn requests_are_sent_as_they_are_told() {
    let world = World::new().await;
    let echo =
        |given: &str, told: &str| format!("const e = await (await fetch(base + '/echo', {given})).json(); {told}");
    let rows = [
        (
            echo("{}", "[e.method, e.path, e.body, e.headers['content-length'], e.headers['user-agent']]"),
            "[\"GET\",\"/echo\",\"\",null,\"isolet/0.1.0\"]",
        ),
        (
            echo("{ method: 'patch', body: 'é' }", "[e.method, e.body, e.headers['content-type']]"),
            r#"["PATCH","é","text/plain;charset=UTF-8"]"#,
        ),
        (
            echo("{ method: 'POST', body: new URLSearchParams({ a: 'b c' }) }", "[e.body, e.headers['content-type']]"),
            r#"["a=b+c","application/x-www-form-urlencoded;charset=UTF-8"]"#,
        ),
        (
            echo(
                "{ method: 'POST', body: new Uint8Array([0, 97, 98]).subarray(1) }",
                "[e.body, e.headers['content-type'] ?? null]",
            ),
            r#"["ab",null]"#,
        ),
        (
            echo("{ method: 'POST', body: new DataView(new Uint16Array([0x6261, 0]).buffer, 0, 2) }", "e.body"),
            r#""ab""#,
        ),
        (
            echo(
                "{ method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json', 'x-a': '1' } }",
                "[e.headers['content-type'], e.headers['x-a']]",
            ),
            r#"["application/json","1"]"#,
        ),
        (
            echo(
                "{ headers: new Headers([['x-a', '1'], ['x-a', '2'], ['cookie', 'a=b']]) }",
                "[e.headers['x-a'], e.headers.cookie]",
            ),
            r#"["2","a=b"]"#,
        ),
        (echo("{ headers: { 'user-agent': 'mine' } }", "e.headers['user-agent']"), r#""mine""#),
        (
            echo("{ headers: { host: 'evil.test' } }", "e"),
            "runtime_error: TypeError: the header host is the host's: leave it out",
        ),
        (
            echo("{ headers: { 'Transfer-Encoding': 'chunked' } }", "e"),
            "runtime_error: TypeError: the header transfer-encoding is the host's: leave it out",
        ),
        (
            echo("{ headers: { 'x-a': 'b\\r\\nx-c: d' } }", "e"),
            "runtime_error: TypeError: the value is not one of a header",
        ),
        (echo("{ body: 'x' }", "e"), "runtime_error: TypeError: a GET request has no body"),
        (echo("{ method: 'CONNECT' }", "e"), "runtime_error: TypeError: the method CONNECT is not allowed"),
        (echo("{ method: 'A B' }", "e"), "runtime_error: TypeError: the method is none of HTTP's"),
        (echo("{ method: 'PURGE' }", "e.method"), r#""PURGE""#),
        ("await caught(http.post(base, 'a'.repeat(2e6)))".to_owned(), r#""RangeError""#),
        (echo("{ timeoutMs: -1 }", "e"), "runtime_error: TypeError: timeoutMs is no number above 0"),
        (echo("{ redirect: 'elsewhere' }", "e"), "runtime_error: TypeError: redirect is follow, error or manual"),
        (echo("{ signal: {} }", "e"), "runtime_error: TypeError: the signal is no AbortSignal"),
    ];
    let rows: Vec<_> = rows.iter().map(|(script, expected)| (script.as_str(), *expected)).collect();
    world.check(&world.isolet(), &rows).await;
    let rows = [
        ("await fetch('/echo')", "runtime_error: TypeError: the URL cannot be read: relative URL without a base"),
        ("await fetch()", "runtime_error: TypeError: fetch needs 1 argument"),
        ("await fetch('file:///etc/passwd')", "runtime_error: TypeError: the URL's scheme is neither http nor https"),
        (
            "await fetch('http://a:b@127.0.0.1/')",
            "runtime_error: TypeError: the URL holds credentials: send them as a header",
        ),
    ];
    world.check(&world.isolet(), &rows).await;
}

#[tokio::test]
async fn requests_and_responses_are_objects() {
    let world = World::new().await;
    let rows = [
        (
            "const q = new Request(base + '/echo', { method: 'POST', body: 'a', headers: { 'x-a': '1' } }), c = q.clone(); \
             const e = await (await fetch(q)).json(); \
             [e.method, e.body, e.headers['x-a'], q.bodyUsed, c.bodyUsed, await c.text(), await caught(fetch(q))]",
            r#"["POST","a","1",true,false,"a","TypeError"]"#,
        ),
        (
            "const q = new Request(new Request(base + '/echo', { method: 'PUT', body: 'a' }), { headers: { 'x-a': '1' } }); \
             const e = await (await fetch(q, { method: 'DELETE' })).json(); [q.method, e.method, e.body, e.headers['x-a']]",
            r#"["PUT","DELETE","a","1"]"#,
        ),
        (
            "const r = new Response('a', { status: 201, statusText: 'Made', headers: { 'x-a': '1' } }); [r.status, r.ok, r.statusText, r.headers.get('x-a'), r.headers.get('content-type'), await r.text()]",
            r#"[201,true,"Made","1","text/plain;charset=UTF-8","a"]"#,
        ),
        (
            "const r = Response.json({ a: 1 }); [r.headers.get('content-type'), await r.json()]",
            r#"["application/json",{"a":1}]"#,
        ),
        ("try { new Response('', { status: 99 }) } catch (e) { e.name }", r#""RangeError""#),
        ("String(new Response()) + String(new Request(base))", r#""[object Response][object Request]""#),
        (
            "const q = new Request(base); [q.method, q.redirect, q.signal, q.url === base + '/']",
            r#"["GET","follow",null,true]"#,
        ),
        (
            "[Object.keys(http), Object.isFrozen(http), Object.isFrozen(http.get)]",
            r#"[["get","post","put","patch","delete","request"],true,true]"#,
        ),
        ("await caught(Request.prototype.text.call({}))", r#""TypeError""#),
    ];
    world.check(&world.isolet(), &rows).await;
}

#[tokio::test]
async fn http_parses_by_type() {
    let world = World::new().await;
    let rows = [
        (
            "const { status, ok, body, url } = await http.get(base + '/json'); [status, ok, body, url === base + '/json']",
            r#"[200,true,{"a":[1,"é"]},true]"#,
        ),
        ("(await http.get(base + '/say?hi')).body", r#""hi""#),
        ("const { body } = await http.get(base + '/bytes'); [body instanceof Uint8Array, ...body]", "[true,0,255,10]"),
        ("(await http.get(base + '/not-json')).body", r#""{""#),
        (
            "const { status, ok, headers } = await http.get(base + '/cookies'); [status, ok, headers['x-a']]",
            r#"[200,true,"1, 2"]"#,
        ),
        (
            "const r = await http.get(base + '/nothing'); [r.status, r.ok, r.body]",
            r#"[404,false,"there is nothing here"]"#,
        ),
        (
            "const { body: e } = await http.post(base + '/echo', { a: [1] }); [e.method, e.body, e.headers['content-type']]",
            r#"["POST","{\"a\":[1]}","application/json"]"#,
        ),
        (
            "const { body: e } = await http.put(base + '/echo', 'text', { headers: { 'x-a': '1' } }); [e.method, e.body, e.headers['content-type'], e.headers['x-a']]",
            r#"["PUT","text","text/plain;charset=UTF-8","1"]"#,
        ),
        (
            "const { body: e } = await http.patch(base + '/echo', new Uint8Array([97])); [e.method, e.body]",
            r#"["PATCH","a"]"#,
        ),
        (
            "const { body: e } = await http.delete(base + '/echo', { body: [1] }); [e.method, e.body]",
            r#"["DELETE","[1]"]"#,
        ),
        (
            "const { body: e } = await http.request(base + '/echo', { method: 'OPTIONS' }); [e.method, e.body]",
            r#"["OPTIONS",""]"#,
        ),
        (
            "const { body: e } = await http.post(base + '/echo'); [e.method, e.body, e.headers['content-length']]",
            r#"["POST","","0"]"#,
        ),
        ("await caught(http.post(base + '/echo', () => 1))", r#""TypeError""#),
    ];
    world.check(&world.isolet(), &rows).await;
}

#[tokio::test]
async fn the_trace_is_sent_on() {
    let world = World::new().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let script = "const e = await http.get(base + '/echo'); \
                  [e.body.headers.traceparent, await caught(http.get(base, { headers: { traceparent: 'x' } }))]";
    let execution = world.execution(script).traceparent(Traceparent::parse(trace).expect("valid"));
    let report = world.isolet().execute(execution).await;
    assert_eq!(world.told(&report), format!(r#"["{trace}","TypeError"]"#));
}

#[tokio::test]
async fn nothing_is_permitted_by_default() {
    let world = World::new().await;
    let isolet = world.builder().permissions(Permissions::default()).http(world.http().build()).build();
    let message = "sandbox_violation: PermissionError: this script may not send requests to 127.0.0.1:PORT: to permit it, \
                   add \"127.0.0.1:PORT\" to its permissions' \"http\"";
    world.check(&isolet.expect("it builds"), &[("await fetch(base)", message)]).await;
    assert_eq!(world.server.connections(), 0);
}

#[tokio::test]
async fn cookies_are_not_kept() {
    let world = World::new().await;
    let script = "await fetch(base + '/cookies'); (await http.get(base + '/echo')).body.headers.cookie ?? 'none'";
    world.check(&world.isolet(), &[(script, r#""none""#)]).await;
    assert_eq!(world.server.requests().len(), 2);
}
