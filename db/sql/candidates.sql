-- The nearest eligible responders of every ring around the incident, exact and few: the KNN index answers within each
-- ring, and `governance.dispatch.rank` orders the union. Nothing is locked here (see `claim.sql`).
WITH place AS MATERIALIZED (
    SELECT ST_SetSRID(ST_MakePoint(:x, :y), :srid) AS point, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS geom
), near AS MATERIALIZED (
    (SELECT r.worker_id FROM responder AS r
     WHERE r.on_duty AND r.load < r.cap AND r.load < :cap AND r.pool = ANY (CAST(:pools AS text[]))
         AND (NOT :needs_skill OR r.skills && CAST(:skills AS int[])) AND starts_with(r.grid_code, :scope)
     ORDER BY r.point <-> (SELECT point FROM place) LIMIT :limit)
    UNION
    SELECT found.worker_id
    FROM unnest(CAST(:rings AS text[])) AS ring(grids)
    CROSS JOIN LATERAL (
        SELECT r.worker_id FROM responder AS r
        WHERE r.on_duty AND r.load < r.cap AND r.load < :cap AND r.pool = ANY (CAST(:pools AS text[]))
            AND (NOT :needs_skill OR r.skills && CAST(:skills AS int[])) AND starts_with(r.grid_code, :scope)
            AND r.grid_code = ANY (string_to_array(ring.grids, ','))
        ORDER BY ST_Distance(r.point, (SELECT point FROM place)), r.worker_id LIMIT :limit
    ) AS found
)
SELECT w.id AS worker_id, w.code, mask_name(w.full_name) AS name, w.post, w.grid_code, r.pool, r.on_duty, r.load,
    least(r.cap, :cap) AS cap, r.skills, r.positioned_at, r.idle_since,
    ST_X(at.geom) AS lon, ST_Y(at.geom) AS lat,
    ST_Distance(at.geom::geography, place.geom::geography) AS distance_m,
    ARRAY(
        WITH RECURSIVE chain AS (
            SELECT g.code, g.parent_code, 0 AS height FROM grid AS g WHERE g.code = w.grid_code
            UNION ALL
            SELECT g.code, g.parent_code, c.height + 1 FROM chain AS c JOIN grid AS g ON g.code = c.parent_code
        )
        SELECT code FROM chain ORDER BY height
    ) AS grid_chain
FROM near
JOIN responder AS r ON r.worker_id = near.worker_id
JOIN worker AS w ON w.id = r.worker_id
CROSS JOIN place
CROSS JOIN LATERAL (SELECT ST_Transform(r.point, 4490) AS geom) AS at
