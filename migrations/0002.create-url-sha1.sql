-- url_sha1(text): the dedupe key of audio_files, SHA-1 over UTF-8 in lower-case hex
-- depends: 0001.create-media-pipeline-tables

-- pgcrypto hashes over a million URLs a second; the loop below some thousands, and
-- stands in where the server does not offer the extension or let us create it
do $do$
declare
    pgcrypto_schema text;
    url_bytes text := 'url';
begin
    begin
        if exists (select from pg_available_extensions where name = 'pgcrypto') then
            create extension if not exists pgcrypto with schema public;
        end if;
    exception
        when others then
            raise warning 'pgcrypto is offered, but: %; url_sha1 will be slow', sqlerrm;
    end;

    select nspname into pgcrypto_schema
    from pg_extension
    inner join pg_namespace on pg_namespace.oid = pg_extension.extnamespace
    where extname = 'pgcrypto';

    -- digest(text) hashes the server's own bytes; convert_to would cost the inlining
    if current_setting('server_encoding') != 'UTF8' or pgcrypto_schema is null then
        url_bytes := $$convert_to(url, 'UTF8')$$;
    end if;

    if pgcrypto_schema is not null then
        execute format(
            $sql$
                create or replace function media_pipeline.url_sha1(url text)
                returns text language sql immutable parallel safe
                as $body$ select encode(%I.digest(%s, 'sha1'), 'hex') $body$
            $sql$,
            pgcrypto_schema, url_bytes
        );
        return;
    end if;

    -- FIPS 180-4, section 6.1: 512-bit blocks, 80 rounds each, all sums modulo 2^32
    execute $sql$
        create or replace function media_pipeline.url_sha1(url text)
        returns text language plpgsql immutable strict parallel safe
        as $body$
        declare
            word_mask constant bigint := 4294967295;
            message bytea := convert_to(url, 'UTF8');
            bit_length bigint := octet_length(message) * 8::bigint;
            w bigint[];
            h0 bigint := x'67452301'::bigint;
            h1 bigint := x'efcdab89'::bigint;
            h2 bigint := x'98badcfe'::bigint;
            h3 bigint := x'10325476'::bigint;
            h4 bigint := x'c3d2e1f0'::bigint;
            a bigint; b bigint; c bigint; d bigint; e bigint;
            f bigint; k bigint; next_a bigint;
        begin
            -- a 1 bit, zeros up to 8 bytes before the end of a block, the length
            message := message || '\x80'::bytea;
            message := message
                || decode(repeat('00', (120 - octet_length(message) % 64) % 64), 'hex')
                || int8send(bit_length);

            for block in 0 .. octet_length(message) / 64 - 1 loop
                for t in 0 .. 15 loop
                    -- PostgreSQL's << and | bind alike: every shift has its parentheses
                    w[t] := (get_byte(message, block * 64 + t * 4)::bigint << 24)
                        | (get_byte(message, block * 64 + t * 4 + 1) << 16)
                        | (get_byte(message, block * 64 + t * 4 + 2) << 8)
                        | get_byte(message, block * 64 + t * 4 + 3);
                end loop;
                for t in 16 .. 79 loop
                    k := w[t - 3] # w[t - 8] # w[t - 14] # w[t - 16];
                    w[t] := ((k << 1) | (k >> 31)) & word_mask;
                end loop;

                a := h0; b := h1; c := h2; d := h3; e := h4;
                for t in 0 .. 79 loop
                    if t < 20 then
                        f := (b & c) | ((~b) & d); k := x'5a827999'::bigint;
                    elsif t < 40 then
                        f := b # c # d; k := x'6ed9eba1'::bigint;
                    elsif t < 60 then
                        f := (b & c) | (b & d) | (c & d); k := x'8f1bbcdc'::bigint;
                    else
                        f := b # c # d; k := x'ca62c1d6'::bigint;
                    end if;
                    next_a := (((a << 5) | (a >> 27)) + f + e + k + w[t]) & word_mask;
                    e := d; d := c; c := ((b << 30) | (b >> 2)) & word_mask;
                    b := a; a := next_a;
                end loop;

                h0 := (h0 + a) & word_mask;
                h1 := (h1 + b) & word_mask;
                h2 := (h2 + c) & word_mask;
                h3 := (h3 + d) & word_mask;
                h4 := (h4 + e) & word_mask;
            end loop;

            return lpad(to_hex(h0), 8, '0') || lpad(to_hex(h1), 8, '0')
                || lpad(to_hex(h2), 8, '0') || lpad(to_hex(h3), 8, '0')
                || lpad(to_hex(h4), 8, '0');
        end
        $body$
    $sql$;
end
$do$;
