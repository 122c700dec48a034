-- Closed incidents of an incident's class that were nearest to it in space and time, with how they were settled. Of a
-- class the latest :latest are looked at. A day apart weighs as much as :metres_a_day apart.
WITH this AS (
    SELECT i.id, i.class_code, i.reported_at, ST_Transform(i.geom, d.metric_srid) AS point, d.metric_srid
    FROM incident AS i
    CROSS JOIN deployment AS d
    WHERE i.no = :no
), past AS (
    SELECT i.id, i.no, i.title, i.severity, i.address, i.grid_code, i.reported_at, i.resolved_at, i.closed_at,
        ST_Distance(ST_Transform(i.geom, this.metric_srid), this.point) AS distance_m,
        extract(epoch FROM this.reported_at - i.reported_at)::float8 / 86400 AS age_days
    FROM this
    JOIN incident AS i ON i.class_code = this.class_code AND NOT i.is_open AND i.status = 'closed'
        AND i.reported_at < this.reported_at AND i.id <> this.id
    ORDER BY i.reported_at DESC, i.id
    LIMIT :latest
), near AS (
    SELECT * FROM past ORDER BY distance_m + CAST(:metres_a_day AS float8) * age_days, no LIMIT :limit
)
SELECT n.no, mask_numbers(n.title) AS title, n.severity, mask_numbers(n.address) AS address, g.name AS grid_name, n.reported_at, n.closed_at,
    extract(epoch FROM n.resolved_at - n.reported_at)::float8 AS settle_s, n.distance_m, last.opinion,
    last.actor_name AS handler
FROM near AS n
JOIN grid AS g ON g.code = n.grid_code
LEFT JOIN LATERAL (
    SELECT s.opinion, s.actor_name
    FROM incident_step AS s
    WHERE s.incident_id = n.id AND s.action = 'resolve'
    ORDER BY s.id DESC
    LIMIT 1
) AS last ON true
ORDER BY n.distance_m + CAST(:metres_a_day AS float8) * n.age_days, n.no
