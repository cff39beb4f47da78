"""CitrineOS as a back-end: orders go out by its REST API, what stations say comes by its bus.

CitrineOS answers its stations itself; what they told is applied here by the same functions that
serve a socket of ours, and their answers to it are dropped. See docs/integrations/citrineos.md.
"""
