{#- A data test that finds rows which agree in all of the columns; a null agrees with a null.

    data_tests: [unique_combination: {arguments: {columns: [phone, campaign_name]}}]
-#}
{% test unique_combination(model, columns) %}
{%- set columns = columns | join(', ') -%}
select {{ columns }} from {{ model }}
group by {{ columns }}
having count(*) > 1
{% endtest %}
