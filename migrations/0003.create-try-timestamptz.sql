-- try_timestamptz(text, zone): the instant that an ISO 8601 text says, else null
-- depends: 0002.create-url-sha1

-- A text that names its zone (Z, UTC, GMT or an offset) keeps it; any other is read in
-- `zone`. Two shapes rather than whatever PostgreSQL reads: `now`, 31.10.2024, epoch
-- seconds or CST mean something else on another day, on another server version or in
-- another session's zone. An unknown `zone` is an error, not a null: it is a setting's
-- typing error, not the text's.
do $do$
declare
    -- no fraction but of seconds: PostgreSQL reads 10:30.5 as ten minutes and a half
    day_and_time constant text
    := '\d{4}-\d\d-\d\d([t ]\d\d?:\d\d(:\d\d(\.\d*)?)?)?';
    utc_offset constant text := '[+-]\d\d?(:\d\d(:\d\d)?|\d\d)?';
    local_shape constant text := '(?i)^\s*' || day_and_time || '\s*$';
    zoned_shape constant text
    := '(?i)^\s*' || day_and_time || '\s*(z|utc|gmt|' || utc_offset || ')\s*$';
begin
    if current_setting('server_version_num')::integer >= 160000 then
        execute format(
            $sql$
                create or replace function
                    media_pipeline.try_timestamptz(value text, zone text)
                returns timestamptz language sql stable parallel safe
                as $body$
                select
                    case
                        when value ~ %L then
                            case
                                when pg_input_is_valid(value, 'timestamp')
                                    then value::timestamp at time zone zone
                            end
                        when value ~ %L then
                            case
                                when pg_input_is_valid(value, 'timestamptz')
                                    then value::timestamptz
                            end
                    end
                $body$
            $sql$,
            local_shape, zoned_shape
        );
    else
        -- before 16 only an exception tells, whose subtransaction bars parallel workers
        execute format(
            $sql$
                create or replace function
                    media_pipeline.try_timestamptz(value text, zone text)
                returns timestamptz language plpgsql stable parallel unsafe
                as $body$
                begin
                    return case
                        when value ~ %L then value::timestamp at time zone zone
                        when value ~ %L then value::timestamptz
                    end;
                exception
                    when
                        datetime_field_overflow
                        or invalid_datetime_format
                        or invalid_time_zone_displacement_value
                        then return null;
                end
                $body$
            $sql$,
            local_shape, zoned_shape
        );
    end if;
end
$do$;
